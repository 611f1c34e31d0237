"""The authorization endpoint, and where the person continues after logging in.

1. client and redirect URI (a mistake here is shown, never redirected: RFC 6749 4.1.2.1)
2. the request itself: read_request, or taken from what the client pushed (RFC 9126 4)
3. a person who must log in first is sent to the login page; the request waits, and is taken up once
4. code (issue_code) or error, back to the client with `state` and `iss` (RFC 9207)

The wallet is the broker's own client, so no screen asks whether it may see the login; what the *wallet* may do with
personal data is asked purpose by purpose on the consent pages.
"""

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import AuthorizationRequest, PendingRequest, digest
from broker.oidc.authorize.interact import login_needed
from broker.oidc.authorize.issue_code import issue_code
from broker.oidc.authorize.read_request import read_request
from broker.oidc.authorize.respond import redirect_error, redirect_with
from broker.oidc.client import Client, redirect_uri_of
from broker.oidc.errors import OAuthError, PageError
from broker.oidc.parameters import Parameters
from broker.oidc.server import LANGUAGES, AuthorizationServer
from broker.oidc.session import current_session

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
CONTINUE: Final = "/oauth/continue/"


def authorize(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    """One authorization request. Raises PageError when there is no safe place to redirect to."""
    client = server.clients.get(parameters.get("client_id"))
    at = server.clock()
    if (request_uri := parameters.get("request_uri")) is not None:
        asked = _take_pushed(server, client, request_uri)
    else:
        redirect_uri = redirect_uri_of(client, parameters.get("redirect_uri"))
        try:
            asked = read_request(parameters, client=client, redirect_uri=redirect_uri)
        except OAuthError as error:
            return redirect_error(server, redirect_uri, parameters.get("state"), error)

    session = current_session(request)
    if session is None or login_needed(asked, session, asked_at=at, at=at):
        if "none" in asked.prompt:
            return _refuse(server, asked, "login_required", "the person has to log in")
        return _to_login(server, asked)
    with server.open_unit() as unit:
        code = issue_code(server, unit, asked, session)
    return redirect_with(server, asked.redirect_uri, asked.state, code=code)


def continue_request(server: AuthorizationServer, request: Request, handle: str, parameters: Parameters) -> Response:
    """Take up a waiting request: after login, or to give up (`?cancel=1`)."""
    session = current_session(request)
    cancelled = parameters.get("cancel") is not None
    if session is None and not cancelled:
        return _login_redirect(server, CONTINUE + handle, parameters.get("lang"))
    at = server.clock()
    with server.open_unit() as unit:
        pending = unit.take_pending(digest(handle), at)
        if pending is None:
            raise PageError("request_expired", cause="the waiting request was taken up before, or expired")
        asked = pending.request
        if cancelled or session is None:
            return _refuse(server, asked, "access_denied", "the person cancelled the login")
        if login_needed(asked, session, asked_at=pending.created_at, at=at):
            return _refuse(server, asked, "login_required", "the provider did not log the person in afresh")
        code = issue_code(server, unit, asked, session)
    return redirect_with(server, asked.redirect_uri, asked.state, code=code)


def _take_pushed(server: AuthorizationServer, client: Client, request_uri: str) -> AuthorizationRequest:
    """RFC 9126 4: the URI works once, and only for the client that pushed."""
    handle = request_uri.removeprefix(REQUEST_URI_PREFIX)
    with server.open_unit() as unit:
        pending = unit.take_pending(digest(handle), server.clock()) if handle != request_uri else None
    if pending is None or pending.request.client_id != client.client_id:
        raise PageError("request_expired", cause="request_uri is unknown, used, expired or another client's")
    return pending.request


def _to_login(server: AuthorizationServer, asked: AuthorizationRequest) -> Response:
    handle, at = server.secret(), server.clock()
    with server.open_unit() as unit:
        unit.add_pending(PendingRequest(digest(handle), asked, at, at + server.lifetimes.pending_request))
    language = next((locale for locale in asked.ui_locales if locale in LANGUAGES), None)
    return _login_redirect(server, CONTINUE + handle, language)


def _login_redirect(server: AuthorizationServer, return_to: str, language: str | None) -> Response:
    query = {"return_to": return_to} | ({"lang": language} if language else {})
    return RedirectResponse(f"{server.issuer}/login?{urlencode(query)}", status_code=303)


def _refuse(server: AuthorizationServer, asked: AuthorizationRequest, error: str, description: str) -> Response:
    return redirect_error(server, asked.redirect_uri, asked.state, OAuthError(error, description))
