"""The provider's answer (RFC 6749 4.1.2, OpenID Connect Core 3.1.2.5), turned into a session.

1. it belongs to a login that this very browser began (login CSRF: RFC 9700 4.7), once
2. the answer yields a verified IdentityGrant
3. the grant names a traveller
4. the browser gets a new session and continues where it was going
"""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginAttempt
from broker.oidc.errors import PageError
from broker.oidc.login.begin import callback_uri, provider_failure
from broker.oidc.login.binding import Binding, attempt_id_of, cookie_name
from broker.oidc.login.memory import open_memory
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.session import set_session_cookie, start_session
from broker.wire.identity_connector import ConnectorError


def finish_login(server: AuthorizationServer, request: Request, *, provider: str, parameters: Parameters) -> Response:
    """303 onwards with a session cookie, or a page that says why not. Raises PageError."""
    connector = server.connectors.get(provider)
    if connector is None:
        raise PageError("unknown_provider", status=404, cause="no such provider")
    answer = parameters.values
    binding, attempt = _take_attempt(server, request, provider, connector.state_of(answer) or "")
    at = server.clock()
    try:
        memory = open_memory(server, binding, attempt.memory)
        grant = connector.finish(answer, memory=memory, redirect_uri=callback_uri(server, provider), at=at)
    except ConnectorError as error:
        response = provider_failure(server, error, language=attempt.language, return_to=binding.continue_to)
        return _without_binding(server, response, binding)
    traveller_id = server.link_identity(grant, at)
    with server.open_unit() as unit:
        value = start_session(
            server,
            unit,
            request,
            traveller_id=traveller_id,
            provider=grant.provider,
            acr=grant.acr,
            auth_time=grant.auth_time,
            at=at,
        )
    response = RedirectResponse(binding.continue_to, status_code=303, headers={"Cache-Control": "no-store"})
    set_session_cookie(server, response, value)
    return _without_binding(server, response, binding)


def return_by_get(server: AuthorizationServer, request: Request, *, provider: str, parameters: Parameters) -> Response:
    """A provider's form that posts across sites brings no SameSite=Lax cookie: 303 to the same answer as a GET, which
    does. The checks are the GET's.
    """
    if provider not in server.connectors:
        raise PageError("unknown_provider", status=404, cause="no such provider")
    url = f"{callback_uri(server, provider)}?{urlencode(parameters.values)}"
    return RedirectResponse(
        url, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def _take_attempt(
    server: AuthorizationServer, request: Request, provider: str, state: str
) -> tuple[Binding, LoginAttempt]:
    attempt_id = attempt_id_of(state)
    cookie = request.cookies.get(cookie_name(attempt_id, secure=server.secure)) if attempt_id else None
    binding = Binding.from_cookie(attempt_id, cookie) if attempt_id and cookie else None
    if binding is None or not binding.matches(state):
        raise PageError("login_mixup", status=403, cause="this browser began no such login")
    with server.open_unit() as unit:
        attempt = unit.take_login_attempt(binding.secret_hash, server.clock())
    if attempt is None or attempt.provider != provider:
        raise PageError("login_expired", status=403, cause="the login expired, was used, or was for another provider")
    return binding, attempt


def _without_binding(server: AuthorizationServer, response: Response, binding: Binding) -> Response:
    name = cookie_name(binding.attempt_id, secure=server.secure)
    response.delete_cookie(name, path="/", secure=server.secure, httponly=True, samesite="lax")
    return response
