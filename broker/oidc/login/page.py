"""Server-rendered pages of the authorization server: choosing a provider, and saying clearly what went wrong."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker.oidc.authorize.endpoint import CONTINUE
from broker.oidc.language import choose_language
from broker.oidc.server import LANGUAGES, AuthorizationServer
from broker.oidc.texts import render_text


def page_language(server: AuthorizationServer, request: Request, explicit: str | None = None) -> str:
    """`lang` of the query or form, else what the browser prefers."""
    asked = explicit or request.query_params.get("lang")
    return choose_language(asked, request.headers.get("accept-language"), server.language)


def login_page(server: AuthorizationServer, request: Request, return_to: str, language: str) -> HTMLResponse:
    """The choice of provider."""
    providers = [(name, connector.names[language]) for name, connector in server.connectors.items()]
    return render_page(
        server,
        "login.html",
        language,
        providers=providers,
        return_to=return_to,
        cancel=_cancel(return_to),
        switch=[(code, f"/login?{urlencode({'return_to': return_to, 'lang': code})}") for code in LANGUAGES],
    )


def failure_page(
    server: AuthorizationServer, language: str, key: str, *, provider: str | None, return_to: str | None, status: int
) -> HTMLResponse:
    """What went wrong, in the person's words, and the two ways on: another try, or back to the wallet."""
    connector = server.connectors.get(provider or "")
    again = f"/login?{urlencode({'return_to': return_to, 'lang': language})}" if return_to is not None else None
    return render_page(
        server,
        "failure.html",
        language,
        status=status,
        key=key,
        provider=connector.names[language] if connector else "",
        switch=(),
        again=again,
        cancel=_cancel(return_to) if return_to else None,
    )


def _cancel(return_to: str) -> str | None:
    return f"{return_to}?cancel=1" if return_to.startswith(CONTINUE) else None


def render_page(
    server: AuthorizationServer,
    template: str,
    language: str,
    *,
    status: int = 200,
    form_targets: Sequence[str] = (),
    **context: Any,
) -> HTMLResponse:
    """A page. `form_targets`: addresses that a form may end up at by redirect."""
    body = render_text(template, language, **context)
    # A form's redirects count for form-action, so the providers' origins are named; nothing else may be loaded or
    # framed.
    targets = {f"{urlsplit(target).scheme}://{urlsplit(target).netloc}" for target in form_targets}
    origins = " ".join(sorted({connector.origin for connector in server.connectors.values()} | targets))
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {origins}"
    )
    headers = {
        "Content-Security-Policy": policy.rstrip(),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return HTMLResponse(body, status_code=status, headers=headers)
