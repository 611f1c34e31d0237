"""How the broker calls out: whom it trusts, and where calls to partners may go."""

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from broker.oidc.client_keys import FetchError, FetchJson
from broker.oidc.logout.notices import PostForm
from broker.settings import Settings
from broker.stores.partner_http import CallFailed, CallRefused, PartnerHttp, Reach


def reach_of(settings: Settings) -> Reach:
    """Public addresses, the operator's networks, and in a sandbox this machine, where partners' developers are."""
    return Reach.of(settings.partner_networks, loopback=settings.sandbox)


def trust(ca: Path | None) -> ssl.SSLContext:
    """The system's authorities, and one of the operator's own."""
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context


def json_fetcher(http: PartnerHttp, *, plain: bool) -> FetchJson:
    """GET of a client's address as JSON. `plain`: http will do too, as on a developer's own machine."""

    def fetch(url: str) -> Any:
        _check_scheme(url, plain)
        try:
            status, body = http.get(url, accept="application/json")
        except (CallRefused, CallFailed) as error:
            raise FetchError(str(error)) from error
        if status != 200:
            raise FetchError(f"answered {status}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FetchError("the answer is not JSON") from error

    return fetch


def form_poster(http: PartnerHttp, *, plain: bool) -> PostForm:
    """POST of a form to a client's address; the status of the answer."""

    def post(url: str, form: dict[str, str]) -> int:
        _check_scheme(url, plain)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        try:
            return http.post(url, urlencode(form).encode(), headers)[0]
        except (CallRefused, CallFailed) as error:
            raise FetchError(str(error)) from error

    return post


def _check_scheme(url: str, plain: bool) -> None:
    if not plain and not url.startswith("https://"):
        raise FetchError("only https is called")
