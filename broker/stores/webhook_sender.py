"""Pushing Security Event Tokens over HTTP (RFC 8935); implements `EventSender`."""

import json
import re

from broker.flows.deliver_events import Sent
from broker.stores.partner_http import CallFailed, CallRefused, PartnerHttp

_HEADERS = {"content-type": "application/secevent+jwt", "accept": "application/json"}
_CODE = re.compile(r"[a-z_]{1,40}")
_GONE = 410


class WebhookSender:
    """Port `EventSender`. Usable by several threads at once."""

    def __init__(self, http: PartnerHttp) -> None:
        self._http = http

    def send(self, url: str, token: str) -> Sent:
        try:
            status, body = self._http.post(url, token.encode(), _HEADERS)
        except CallRefused as error:
            return Sent(accepted=False, outcome=f"not called: {error}")
        except CallFailed as error:
            return Sent(accepted=False, outcome=f"no answer: {error}")
        if 200 <= status < 300:  # 202 by RFC 8935 2.2; what else succeeds is taken for it
            return Sent(accepted=True, outcome=str(status))
        return Sent(accepted=False, outcome=f"{status}{_error_code(body)}", final=status == _GONE)


def _error_code(body: bytes) -> str:
    """The `err` of RFC 8935 2.3 where there is one that can be shown; nothing else of the answer is."""
    try:
        code = json.loads(body)["err"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return f" {code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""
