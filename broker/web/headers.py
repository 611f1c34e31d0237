"""Headers on every answer: nothing is cached, sniffed, framed or told where it was linked from, unless a page says so
itself; and the wallet's origin, no other, may read the answers it needs.
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CORS_PATHS = ("/.well-known/", "/oauth/", "/wallet/v1/", "/journal/v1/")
# Nothing an API answers is a document, so nothing in it may ever run or load.
_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class SecurityHeaders:
    """Middleware. A response that already carries a header keeps its own."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Content-Security-Policy": _API_POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                present = {name.lower() for name, _ in own}
                message["headers"] = [*own, *(header for header in self._headers if header[0] not in present)]
            await send(message)

        await self._app(scope, receive, with_headers)


class WalletOrigin:
    """Middleware: CORS for the wallet's origins on the addresses the wallet calls. No cookies take part."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=tuple(origins),
            allow_methods=("GET", "POST", "DELETE", "OPTIONS"),
            allow_headers=("authorization", "dpop", "content-type", "accept-language"),
            # `date`: the wallet makes device proofs in the broker's time when the phone's clock is wrong.
            expose_headers=("date", "dpop-nonce", "www-authenticate", "retry-after", "x-request-id"),
            allow_credentials=False,
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == "http" and scope["path"].startswith(_CORS_PATHS) and _from_a_page(scope)
        await (self._cors if wanted else self._app)(scope, receive, send)


def _from_a_page(scope: Scope) -> bool:
    return any(name == b"origin" for name, _ in scope["headers"])
