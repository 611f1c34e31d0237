"""The authorization response: code or error in the query of the redirect URI, always with `state` and `iss` (RFC
9207).
"""

from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.responses import RedirectResponse

from broker.oidc.errors import OAuthError
from broker.oidc.server import AuthorizationServer


def redirect_with(server: AuthorizationServer, redirect_uri: str, state: str | None, **answer: str) -> RedirectResponse:
    """303, so that no browser repeats a POST body towards the client (RFC 9700 4.12)."""
    parts = urlsplit(redirect_uri)
    extra = urlencode({**answer, **({"state": state} if state is not None else {}), "iss": server.issuer})
    query = f"{parts.query}&{extra}" if parts.query else extra
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return RedirectResponse(
        url, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def redirect_error(
    server: AuthorizationServer, redirect_uri: str, state: str | None, error: OAuthError
) -> RedirectResponse:
    """RFC 6749 4.1.2.1."""
    return redirect_with(server, redirect_uri, state, error=error.error, error_description=error.description)
