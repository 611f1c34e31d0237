"""The cookie of a browser whose login was held: only there can the person take the identity (specs/linking.md 4)."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from broker.core.authorization import digest
from broker.core.linking import LINK_WINDOW
from broker.oidc.server import AuthorizationServer

IDENTITIES: Final = "/identities"
"""The page on which people see, add, take and unlink identities."""
_MAX: Final = 128


def set_held_cookie(server: AuthorizationServer, response: Response, secret: str) -> None:
    response.set_cookie(
        _name(server),
        secret,
        max_age=int(LINK_WINDOW.total_seconds()),
        path="/",
        secure=server.secure,
        httponly=True,
        samesite="lax",
    )


def held_browser(server: AuthorizationServer, request: HTTPConnection) -> bytes:
    """The digest that a held login of this browser carries; of nothing when it has no such cookie."""
    value = request.cookies.get(_name(server), "")
    return digest(value if len(value) <= _MAX else "")


def _name(server: AuthorizationServer) -> str:
    return "__Host-tongguan-held" if server.secure else "tongguan-held"
