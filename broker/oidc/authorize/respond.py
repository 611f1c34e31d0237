"""The authorization response: code or error with `state` and `iss` (RFC 9207), in the query of the redirect URI or
posted there by the browser (OAuth 2.0 Form Post Response Mode).
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from broker.oidc.authorize.check_response_mode import ResponseMode
from broker.oidc.errors import OAuthError
from broker.oidc.server import AuthorizationServer
from broker.oidc.texts import render_text

# Presses the page's own button, so that nothing happens that a person without scripts could not do.
_SUBMIT: Final = "document.forms[0].submit()"
_SCRIPT_HASH: Final = b64encode(sha256(_SUBMIT.encode()).digest()).decode()
# No form-action: browsers apply it to the client's own redirects after the POST, wherever they lead. The page's one
# form goes to a registered address.
_POLICY: Final = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def answer_with(
    server: AuthorizationServer,
    redirect_uri: str,
    state: str | None,
    *,
    mode: ResponseMode,
    language: str | None,
    **answer: str,
) -> Response:
    """By 303, so that no browser repeats a POST body towards the client (RFC 9700 4.12), or by a page. `language` is
    the page's.
    """
    told = {**answer, **({"state": state} if state is not None else {}), "iss": server.issuer}
    if mode == "form_post":
        return _posting(server, redirect_uri, told, language or server.language)
    parts = urlsplit(redirect_uri)
    extra = urlencode(told)
    query = f"{parts.query}&{extra}" if parts.query else extra
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return RedirectResponse(
        url, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def answer_error(
    server: AuthorizationServer,
    redirect_uri: str,
    state: str | None,
    error: OAuthError,
    *,
    mode: ResponseMode,
    language: str | None,
) -> Response:
    """RFC 6749 4.1.2.1."""
    told = {"error": error.error, "error_description": error.description}
    return answer_with(server, redirect_uri, state, mode=mode, language=language, **told)


def _posting(server: AuthorizationServer, redirect_uri: str, told: Mapping[str, str], language: str) -> HTMLResponse:
    body = render_text("form_post.html", language, action=redirect_uri, told=told, script=_SUBMIT, switch=())
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Language": language,
    }
    return HTMLResponse(body, headers=headers)
