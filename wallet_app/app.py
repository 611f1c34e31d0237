"""The ASGI application that serves the wallet's pages: static files, one small configuration, and strict headers."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT_ID: Final = "tongguan-wallet"
DIST: Final = Path(__file__).parent / "ui" / "dist"

# Paths that the pages draw themselves (ui/src/router.ts). Anything else is 404: a mistyped asset is never a page.
PAGES: Final = ("/", "/callback", "/face", "/passes", "/passes/{pass_id}", "/consents", "/uses")

# File names under /assets carry a hash of their contents.
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"


class WalletNotBuilt(Exception):
    """The pages have not been built; the message says how."""


def create_app(dist: Path, broker: str) -> Starlette:
    """Serve `dist` (the build of wallet_app/ui) for the broker at the origin `broker`.

    Raises WalletNotBuilt when `dist` holds no pages, ValueError when `broker` is not an origin.
    """
    origin = broker_origin(broker)
    index = dist / "index.html"
    if not index.is_file():
        raise WalletNotBuilt(f"{index} is missing: build the pages with `cd wallet_app/ui && npm ci && npm run build`")

    def page(_: Request) -> Response:
        return FileResponse(index, media_type="text/html", headers={"Cache-Control": REVALIDATE})

    def config(_: Request) -> Response:
        return JSONResponse({"broker": origin, "client_id": CLIENT_ID}, headers={"Cache-Control": REVALIDATE})

    def file(name: str, media_type: str) -> Route:
        def serve(_: Request) -> Response:
            return FileResponse(dist / name, media_type=media_type, headers={"Cache-Control": REVALIDATE})

        return Route(f"/{name}", serve)

    routes = [
        *(Route(path, page) for path in PAGES),
        Route("/index.html", page),  # the service worker keeps the page under this name
        Route("/config.json", config),
        Route("/healthz", lambda _: PlainTextResponse("ok")),
        file("sw.js", "text/javascript"),
        file("icon.svg", "image/svg+xml"),
        file("manifest.webmanifest", "application/manifest+json"),
        Mount("/assets", StaticFiles(directory=dist / "assets")),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(Headers, headers=security_headers(origin))
    return app


def broker_origin(broker: str) -> str:
    """Scheme, host and port of the broker. Raises ValueError: it goes into a header, so nothing else may come along."""
    parts = urlsplit(broker)
    bare = parts.path in {"", "/"} and not parts.query and not parts.fragment and not parts.username
    if parts.scheme not in {"http", "https"} or not parts.hostname or not bare or set(parts.netloc) & set(" ;,'\"*"):
        raise ValueError(f"the broker is an origin such as https://broker.example, not {broker!r}")
    return f"{parts.scheme}://{parts.netloc}"


def security_headers(broker: str) -> dict[str, str]:
    """What every answer carries. Scripts come from here alone and talk to the broker alone (CSP level 3)."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",  # blob: the photograph shown before it is sent
        "connect-src": f"'self' {broker}",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "tongguan",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Permissions-Policy": "camera=(self), screen-wake-lock=(self), microphone=(), geolocation=(), payment=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class Headers:
    """Adds the security headers to every answer, errors included; over TLS also Strict-Transport-Security.

    Not for localhost: a browser would then refuse every other plain server of a developer's machine for a year.
    """

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if scope["scheme"] == "https" and Request(scope).url.hostname != "localhost":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if scope["path"].startswith("/assets/") and message["status"] == 200:
                    headers["Cache-Control"] = IMMUTABLE
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
