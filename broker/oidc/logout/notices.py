"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): every client that a session logged a person in to is
told, by a signed logout token, until it says yes or the attempts are used up.

A notice is claimed in one transaction and settled in another, so a worker that dies in between only delays it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from broker.core.authorization import LogoutNotice
from broker.oidc.client import Client, Clients
from broker.oidc.client_keys import FetchError
from broker.oidc.jws import b64url
from broker.oidc.keys import TokenKeys
from broker.oidc.ports import OpenUnit
from broker.oidc.session_id import session_id_for

_log: Final = logging.getLogger(__name__)
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LIFETIME: Final = timedelta(minutes=2)  # 2.4: preferably two minutes
_BATCH: Final = 20

PostForm = Callable[[str, dict[str, str]], int]
"""POST of a form; the status of the answer. Raises FetchError."""


@dataclass(frozen=True)
class Notifier:
    """What sending needs of the authorization server. `sid_key` is AuthorizationServer.sid_key."""

    issuer: str
    clients: Clients
    token_keys: TokenKeys
    sid_key: bytes = field(repr=False)
    open_unit: OpenUnit
    post: PostForm
    clock: Callable[[], datetime]
    entropy: Callable[[int], bytes]


def send_notices(server: Notifier) -> int:
    """Send some of what is due; how many were settled."""
    settled = 0
    for _ in range(_BATCH):
        at = server.clock()
        # One at a time: a slow client's turn neither ages the tokens of the others nor lets their claims lapse.
        with server.open_unit() as unit:
            due = unit.claim_notices(at, 1)
        if not due:
            break
        (notice,) = due
        if _told(server, notice, at):
            with server.open_unit() as unit:
                unit.settle_notice(notice.notice_id)
            settled += 1
    return settled


def logout_token(server: Notifier, client: Client, notice: LogoutNotice, at: datetime) -> str:
    """2.4: no nonce, and both `sub` and `sid`; signed as the client's ID tokens are (2.5)."""
    claims: dict[str, Any] = {
        "iss": server.issuer,
        "sub": notice.subject,
        "aud": notice.client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + _LIFETIME).timestamp()),
        "jti": b64url(server.entropy(16)),
        "sid": session_id_for(server.sid_key, notice.session_id, notice.client_id),
        "events": {_EVENT: {}},
    }
    return server.token_keys.ring.signer(client.id_token_alg).sign(claims, typ="logout+jwt")


def _told(server: Notifier, notice: LogoutNotice, at: datetime) -> bool:
    client = server.clients.find(notice.client_id)
    if client is None or client.backchannel_logout_uri is None:
        return True  # there is nobody left to tell
    try:
        status = server.post(client.backchannel_logout_uri, {"logout_token": logout_token(server, client, notice, at)})
    except (FetchError, LookupError) as error:
        _log.warning("client %s was not told of a logout: %s", notice.client_id, error)
        return False
    if status in (200, 204):  # 2.8
        return True
    _log.warning("client %s did not take a logout notice: %d", notice.client_id, status)
    return status == 400  # it says the token or the session means nothing to it; again would be the same
