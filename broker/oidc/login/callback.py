"""The provider's answer (RFC 6749 4.1.2, OpenID Connect Core 3.1.2.5), turned into a session.

1. it belongs to a login that this very browser began (login CSRF: RFC 9700 4.7), once
2. the answer yields a verified IdentityGrant
3. the grant names a traveller (specs/linking.md), or waits, or is refused
4. the browser gets a new session and continues where it was going, in the same transaction
"""

import hmac
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginAttempt, LoginSession, digest
from broker.core.linking import LINK_WINDOW, Held, Linked, LinkOutcome
from broker.oidc.errors import PageError
from broker.oidc.login.begin import callback_uri, provider_failure
from broker.oidc.login.binding import Binding, attempt_id_of, cookie_name
from broker.oidc.login.held import IDENTITIES, set_held_cookie
from broker.oidc.login.memory import open_memory
from broker.oidc.login.page import failure_page
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.session import current_session, set_session_cookie, start_session
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
    adding = _session_that_adds(server, request, attempt, at)
    secret, value = server.secret(), None
    with server.open_unit() as unit:
        onto = adding.traveller_id if adding is not None else None
        outcome = server.link_identity(unit, grant, at, onto=onto, browser=digest(secret))
        # A person who adds an identity keeps the session they have.
        if isinstance(outcome, Linked) and adding is None:
            value = start_session(
                server,
                unit,
                request,
                traveller_id=outcome.traveller,
                provider=grant.provider,
                acr=grant.acr,
                auth_time=grant.auth_time,
                amr=grant.amr,
                at=at,
            )
    response = _onwards(server, binding, attempt, outcome)
    if value is not None:
        set_session_cookie(server, response, value)
    if isinstance(outcome, Held):
        set_held_cookie(server, response, secret)
    return _without_binding(server, response, binding)


def _session_that_adds(
    server: AuthorizationServer, request: Request, attempt: LoginAttempt, at: datetime
) -> LoginSession | None:
    """The very session that set out to add an identity, both logins within LINK_WINDOW (specs/linking.md 3). None for
    an ordinary login. Raises PageError.
    """
    if attempt.link_session is None:
        return None
    session = current_session(request)
    if session is None or not hmac.compare_digest(session.session_hash, attempt.link_session):
        raise PageError("link_session_over", status=403, cause="the session that began to add an identity is over")
    if at >= session.auth_time + LINK_WINDOW:
        raise PageError("link_session_over", status=403, cause="the first of the two logins is too long ago")
    return session


def _onwards(server: AuthorizationServer, binding: Binding, attempt: LoginAttempt, outcome: LinkOutcome) -> Response:
    if isinstance(outcome, Linked):
        return RedirectResponse(binding.continue_to, status_code=303, headers={"Cache-Control": "no-store"})
    if isinstance(outcome, Held):
        key, return_to = f"held_{outcome.held.reason}", IDENTITIES
    else:
        key, return_to = f"link_{outcome.refusal}", binding.continue_to
    return failure_page(server, attempt.language, key, provider=attempt.provider, return_to=return_to, status=403)


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
