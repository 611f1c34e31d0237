"""Errors as answers: OAuth JSON for clients, problem+json for the wallet API, a page for people."""

import logging
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.oidc.errors import OAuthError, PageError, ResourceError
from broker.oidc.login.page import failure_page, page_language
from broker.oidc.server import AuthorizationServer, server_of

_log: Final = logging.getLogger(__name__)


async def oauth_error(_: Request, error: Exception) -> Response:
    """RFC 6749 5.2."""
    assert isinstance(error, OAuthError)  # noqa: S101  how it is registered
    body = {"error": error.error, "error_description": error.description}
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", **error.headers}
    return JSONResponse(body, status_code=error.status, headers=headers)


async def resource_error(_: Request, error: Exception) -> Response:
    """RFC 9457, with the challenge of RFC 9449 7.1 in the headers."""
    assert isinstance(error, ResourceError)  # noqa: S101  how it is registered
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": "Unauthorized" if error.status == 401 else "Forbidden",
        "status": error.status,
        "detail": error.description,
    }
    if error.error:
        body["error"] = error.error
    headers = {"Cache-Control": "no-store", **error.headers}
    return JSONResponse(body, status_code=error.status, headers=headers, media_type="application/problem+json")


async def page_error(request: Request, error: Exception) -> Response:
    """A page: there is nobody to redirect to."""
    assert isinstance(error, PageError)  # noqa: S101  how it is registered
    _log.info("refused: %s", error)
    server = server_of(request)
    language = page_language(server, request)
    return failure_page(server, language, error.key, provider=None, return_to=None, status=error.status)


class OfferNonce:
    """Adds DPoP-Nonce to every answer of the token endpoint, PAR and the APIs that take tokens, refusals included (RFC
    9449 8.2, 9).
    """

    PATHS: Final = ("/oauth/token", "/oauth/par", "/oauth/userinfo", "/oauth/grants", "/wallet/", "/agencies/")

    def __init__(self, app: ASGIApp, server: AuthorizationServer) -> None:
        self.app = app
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.PATHS):
            await self.app(scope, receive, send)
            return

        async def send_with_nonce(message: Message) -> None:
            if message["type"] == "http.response.start":
                nonce = self.server.nonces.current(self.server.clock())
                message["headers"] = [*message.get("headers", ()), (b"dpop-nonce", nonce.encode())]
            await send(message)

        await self.app(scope, receive, send_with_nonce)
