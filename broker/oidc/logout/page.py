"""The pages of a logout: the question, and what came of it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker.oidc.login.page import render_page
from broker.oidc.server import LANGUAGES, AuthorizationServer
from broker.oidc.session import csrf_token


def confirmation_page(
    server: AuthorizationServer, request: Request, language: str, *, client_name: str | None, hidden: Mapping[str, str]
) -> HTMLResponse:
    return render_page(
        server,
        "logout.html",
        language,
        switch=[(code, f"/oauth/logout?{urlencode({**hidden, 'lang': code})}") for code in LANGUAGES],
        client_name=client_name,
        hidden={**hidden, "lang": language, "csrf": csrf_token(request)},
        form_targets=[hidden["post_logout_redirect_uri"]] if "post_logout_redirect_uri" in hidden else (),
    )


def done_page(
    server: AuthorizationServer, request: Request | None, language: str, *, logged_out: bool, back: str | None
) -> HTMLResponse:
    return render_page(server, "logged_out.html", language, switch=(), logged_out=logged_out, back=back)
