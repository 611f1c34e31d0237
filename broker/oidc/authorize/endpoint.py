"""The authorization endpoint, and where the person continues after logging in and after being asked.

1. client and redirect URI (a mistake here is shown, never redirected: RFC 6749 4.1.2.1)
2. the request itself: read_request, or taken from what the client pushed (RFC 9126 4)
3. a person who must log in first is sent to the login page; the request waits
4. what the request wants released and no standing consent covers is asked, on a page of its own; the request waits
5. code (issue_code) or error, back to the client with `state` and `iss` (RFC 9207); the request is taken up once

No screen asks whether a client may see the login: what it may learn is asked purpose by purpose, and nothing else
leaves.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import AuthorizationRequest, LoginSession, PendingRequest, digest
from broker.oidc.authorize.check_grant_action import grant_to_change
from broker.oidc.authorize.check_response_mode import mode_for_refusal
from broker.oidc.authorize.interact import login_needed, unmet
from broker.oidc.authorize.issue_code import issue_code
from broker.oidc.authorize.read_request import read_request
from broker.oidc.authorize.request_object import unpack_request
from broker.oidc.authorize.respond import answer_error, answer_with
from broker.oidc.client import Client, Profile, redirect_uri_of
from broker.oidc.errors import OAuthError, PageError
from broker.oidc.language import matching_language
from broker.oidc.parameters import Parameters
from broker.oidc.ports import OidcUnit, Settled
from broker.oidc.server import AuthorizationServer
from broker.oidc.session import current_session

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
CONTINUE: Final = "/oauth/continue/"
CONSENT: Final = "/consent/authorize/"


def authorize(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    """One authorization request. Raises PageError when there is no safe place to redirect to."""
    client = server.clients.get(parameters.get("client_id"))
    at = server.clock()
    if (request_uri := parameters.get("request_uri")) is not None:
        handle, pending = _pushed(server, client, request_uri, at)
    else:
        redirect_uri, parameters = _opened(server, client, parameters, at)
        try:
            _check_may_come_unpushed(client, parameters)
            asked = read_request(server, parameters, client=client, redirect_uri=redirect_uri)
        except OAuthError as error:
            mode = mode_for_refusal(parameters, client)
            return answer_error(server, redirect_uri, parameters.get("state"), error, mode=mode, language=None)
        handle = server.secret()
        pending = PendingRequest(digest(handle), asked, at, at, asked_at=at)
    session = current_session(request)
    with server.open_unit() as unit:
        step = _next_step(server, unit, client, pending, session, handle, asked_at=at)
        if not isinstance(step, _Wait):
            return _taken(unit, pending, step, at)
        if "none" in pending.request.prompt:
            return _taken(unit, pending, _refuse(server, pending.request, step.unless_quiet), at)
        _let_wait(server, unit, pending, at)
        return step.response


def continue_request(server: AuthorizationServer, request: Request, handle: str, parameters: Parameters) -> Response:
    """Take up a waiting request: after login, after the consent page, or to give up (`?cancel=1`)."""
    session = current_session(request)
    cancelled = parameters.get("cancel") is not None
    if session is None and not cancelled:
        return _login_redirect(server, CONTINUE + handle, parameters.get("lang"))
    at = server.clock()
    with server.open_unit() as unit:
        pending = unit.pending(digest(handle), at)
        client = server.clients.find(pending.request.client_id) if pending is not None else None
        if pending is None or client is None or pending.asked_at is None:
            raise PageError(
                "request_expired", cause="the waiting request was never opened, taken up before, or expired"
            )
        if cancelled:
            return _taken(unit, pending, _refuse(server, pending.request, _CANCELLED), at)
        step = _next_step(server, unit, client, pending, session, handle, asked_at=pending.asked_at)
        if isinstance(step, _Wait) and step.unless_quiet is _CONSENT:
            return step.response
        # A login that still does not do is not asked for again: that could go on for ever.
        done = _refuse(server, pending.request, _STALE) if isinstance(step, _Wait) else step
        return _taken(unit, pending, done, at)


@dataclass(frozen=True, slots=True)
class _Wait:
    """The person has something to do first; a request that may not disturb them is refused instead."""

    response: Response
    unless_quiet: OAuthError


_LOGIN: Final = OAuthError("login_required", "the person has to log in")
_STALE: Final = OAuthError("login_required", "the login that followed is not the one that was asked for")
_CONSENT: Final = OAuthError("consent_required", "the person has to be asked")
_CANCELLED: Final = OAuthError("access_denied", "the person cancelled the login")
_REFUSED: Final = OAuthError("access_denied", "the person did not agree")


def _check_may_come_unpushed(client: Client, parameters: Parameters) -> None:
    """FAPI 2.0 Security Profile 5.3.2.2: only pushed requests; and a signed request comes by PAR alone."""
    if client.profile is Profile.FAPI2 or client.require_signed_request:
        raise OAuthError("invalid_request", "this client pushes its requests")
    if parameters.get("request") is not None:
        raise OAuthError("request_not_supported", "a request object is pushed")


def _opened(
    server: AuthorizationServer, client: Client, parameters: Parameters, at: datetime
) -> tuple[str, Parameters]:
    """The redirect URI, and the parameters with those of a signed request object over them (OpenID Connect Core 6.1),
    which only an oidc_basic client may send here. Raises PageError.
    """
    keys = client.jwks is not None or client.jwks_uri is not None
    if parameters.get("request") is not None and client.profile is Profile.OIDC_BASIC and keys:
        try:
            inner = unpack_request(server, parameters, client, at)
        except OAuthError as error:
            raise PageError("bad_request", cause=error.description) from error
        outer = {name: value for name, value in parameters.values.items() if name != "request"}
        parameters = Parameters(outer | inner.values)
    return redirect_uri_of(client, parameters.get("redirect_uri")), parameters


def _pushed(server: AuthorizationServer, client: Client, request_uri: str, at: datetime) -> tuple[str, PendingRequest]:
    """RFC 9126 4: the URI works for the client that pushed, for a short time, until a code or an error was answered.
    Opening the page again before that is no second use (FAPI 2.0 Security Profile 5.3.2.2 note 3).
    """
    handle = request_uri.removeprefix(REQUEST_URI_PREFIX)
    with server.open_unit() as unit:
        pending = unit.pending(digest(handle), at) if handle != request_uri else None
    late = pending is None or pending.created_at + server.lifetimes.pushed_request <= at
    if pending is None or late or pending.request.client_id != client.client_id:
        raise PageError("request_expired", cause="request_uri is unknown, used, expired or another client's")
    return handle, pending


def _next_step(
    server: AuthorizationServer,
    unit: OidcUnit,
    client: Client,
    pending: PendingRequest,
    session: LoginSession | None,
    handle: str,
    *,
    asked_at: datetime,
) -> Response | _Wait:
    """The answer to the client, or what the person has to do before it."""
    asked = pending.request
    if session is None or _login_needed(unit, client, asked, session, asked_at=asked_at):
        return _Wait(_login_redirect(server, CONTINUE + handle, _language(asked)), _LOGIN)
    if (error := unmet(asked, session)) is not None:
        return _refuse(server, asked, error)
    cover = _cover(server, unit, client, asked, session, handle, server.clock())
    if cover.outstanding:
        return _Wait(_to_consent(server, asked, handle), _CONSENT)
    return _answer(server, unit, asked, session, cover)


def _let_wait(server: AuthorizationServer, unit: OidcUnit, pending: PendingRequest, at: datetime) -> None:
    until = at + server.lifetimes.pending_request
    if pending.expires_at > pending.created_at:  # it was pushed
        unit.keep_pending(pending.handle_hash, until, asked_at=at)
    else:
        unit.add_pending(replace(pending, expires_at=until))


def _login_needed(
    unit: OidcUnit, client: Client, asked: AuthorizationRequest, session: LoginSession, *, asked_at: datetime
) -> bool:
    right_person = asked.subject is None or unit.has_pseudonym(session.traveller_id, client.sector, asked.subject)
    return login_needed(asked, session, right_person=right_person, asked_at=asked_at)


def _cover(
    server: AuthorizationServer,
    unit: OidcUnit,
    client: Client,
    asked: AuthorizationRequest,
    session: LoginSession,
    handle: str,
    at: datetime,
) -> Settled:
    """What of the request the person's consents cover; nothing is asked of them for a request that wants nothing."""
    if not asked.releases:
        return Settled()
    return server.consents.settle(
        unit,
        handle_hash=digest(handle),
        traveller=session.traveller_id,
        client=client,
        releases=asked.releases,
        at=at,
        anew="consent" in asked.prompt,
    )


def _answer(
    server: AuthorizationServer, unit: OidcUnit, asked: AuthorizationRequest, session: LoginSession, cover: Settled
) -> Response:
    if cover.refused and not cover.releases:
        return _refuse(server, asked, _REFUSED)
    grant = grant_to_change(unit, asked, session, server.clock())
    if isinstance(grant, OAuthError):
        return _refuse(server, asked, grant)
    code = issue_code(server, unit, asked, session, releases=cover.releases, consents=cover.consents, grant=grant)
    mode, language = asked.response_mode, _language(asked)
    return answer_with(server, asked.redirect_uri, asked.state, mode=mode, language=language, code=code)


def _taken(unit: OidcUnit, pending: PendingRequest, response: Response, at: datetime) -> Response:
    """The response, if this is the one that takes the request up; one that never waited has nobody to race."""
    waited = pending.expires_at > pending.created_at
    if waited and unit.take_pending(pending.handle_hash, at) is None:
        raise PageError("request_expired", cause="the waiting request was taken up at the same time")
    return response


def _to_consent(server: AuthorizationServer, asked: AuthorizationRequest, handle: str) -> Response:
    language = _language(asked)
    query = f"?{urlencode({'lang': language})}" if language else ""
    return RedirectResponse(f"{server.issuer}{CONSENT}{handle}{query}", status_code=303)


def _language(asked: AuthorizationRequest) -> str | None:
    return next((found for tag in asked.ui_locales if (found := matching_language(tag)) is not None), None)


def _login_redirect(server: AuthorizationServer, return_to: str, language: str | None) -> Response:
    query = {"return_to": return_to} | ({"lang": language} if language else {})
    return RedirectResponse(f"{server.issuer}/login?{urlencode(query)}", status_code=303)


def _refuse(server: AuthorizationServer, asked: AuthorizationRequest, error: OAuthError) -> Response:
    mode, language = asked.response_mode, _language(asked)
    return answer_error(server, asked.redirect_uri, asked.state, error, mode=mode, language=language)
