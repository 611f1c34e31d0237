"""The login session at the broker's own origin: a cookie that scripts cannot read and other sites cannot send with a
POST.

The cookie value is 256 random bits and new at every login, so a planted cookie never becomes a logged-in one (session
fixation); the database holds its digest. The anti-forgery token of a page is a MAC under the cookie value: nothing to
store, void after logout.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.responses import Response

from broker.core.authorization import LoginSession, digest
from broker.core.client import Client
from broker.core.ending import Ending
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer, server_of

MAX_COOKIE = 128


def cookie_name(server: AuthorizationServer) -> str:
    """`__Host-` over TLS: Secure, this host only, path `/` (RFC 6265bis 4.1.3.2)."""
    return "__Host-tongguan-session" if server.secure else "tongguan-session"


def current_session(request: HTTPConnection) -> LoginSession | None:
    """The live session of this browser, or None. Usable as a FastAPI dependency; runs in a transaction of its own."""
    server = server_of(request)
    value = _cookie(request, server)
    if value is None:
        return None
    with server.open_unit() as unit:
        return unit.session(digest(value), server.clock())


def is_known_as(request: HTTPConnection, session: LoginSession, subject: str, *, to: Client) -> bool:
    """Whether the session's person is the one that this client knows by the pseudonym, and not another who logged in
    here. The pseudonym of another sector is nobody's.
    """
    with server_of(request).open_unit() as unit:
        return unit.has_pseudonym(session.traveller_id, to.sector, subject)


def login_url(request: HTTPConnection, return_to: str, *, language: str | None = None) -> str:
    """Where to send a browser without a session; it comes back to `return_to`, a path of this origin."""
    query = {"return_to": return_to} | ({"lang": language} if language else {})
    return f"{server_of(request).issuer}/login?{urlencode(query)}"


def csrf_token(request: HTTPConnection) -> str:
    """The anti-forgery token for forms of this session. Empty without a session cookie, and an empty token never
    verifies.
    """
    value = _cookie(request, server_of(request))
    if value is None:
        return ""
    mac = hmac.digest(value.encode(), b"tongguan/csrf/v1", "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


def csrf_matches(request: HTTPConnection, submitted: str | None) -> bool:
    """Whether a form carried this session's token."""
    expected = csrf_token(request)
    return bool(expected) and hmac.compare_digest(expected.encode(), (submitted or "").encode())


def start_session(
    server: AuthorizationServer,
    unit: OidcUnit,
    request: HTTPConnection,
    *,
    traveller_id: UUID,
    provider: str,
    acr: str,
    auth_time: datetime,
    amr: tuple[str, ...],
    at: datetime,
) -> str:
    """Begin a session, end the one this browser had, and return the new cookie value."""
    old = _cookie(request, server)
    session_id = UUID(bytes=server.entropy(16), version=4)
    replaced = unit.session(digest(old), at) if old is not None else None
    if replaced is not None and replaced.traveller_id == traveller_id:
        # The same person once more: for the clients it is one session.
        session_id = replaced.session_id or session_id
        unit.drop_session(replaced.session_hash)
    elif replaced is not None:
        server.logins.session(unit, replaced.session_hash, Ending.REPLACED, at=at)
    value = server.secret()
    unit.add_session(
        LoginSession(
            session_hash=digest(value),
            traveller_id=traveller_id,
            provider=provider,
            acr=acr,
            auth_time=auth_time,
            created_at=at,
            expires_at=at + server.lifetimes.session,
            amr=amr,
            session_id=session_id,
        )
    )
    return value


def set_session_cookie(server: AuthorizationServer, response: Response, value: str) -> None:
    response.set_cookie(
        cookie_name(server),
        value,
        max_age=int(server.lifetimes.session.total_seconds()),
        path="/",
        secure=server.secure,
        httponly=True,
        samesite="lax",
    )


def delete_session_cookie(server: AuthorizationServer, response: Response) -> Response:
    response.delete_cookie(cookie_name(server), path="/", secure=server.secure, httponly=True, samesite="lax")
    return response


def _cookie(request: HTTPConnection, server: AuthorizationServer) -> str | None:
    value = request.cookies.get(cookie_name(server))
    return value if value and len(value) <= MAX_COOKIE else None
