"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).

1. `client_id` and `post_logout_redirect_uri` must fit a registered client, exactly (3)
2. the person is asked (2), in their language, unless nobody is logged in here
3. after a yes the session ends: its clients get logout notices, its grants end but for offline access and the wallet
4. of a session that is over, the client of the hint loses what it still holds of it: nobody is there to be asked, and
   other clients' grants are not its to end
5. back to the client with `state`, or a page that says it is done
"""

from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.core.ending import Ending
from broker.oidc.authorize.check_hint import hinted_subject
from broker.oidc.client import Client
from broker.oidc.errors import OAuthError, PageError
from broker.oidc.language import matching_language
from broker.oidc.login.page import page_language
from broker.oidc.logout.page import confirmation_page, done_page
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.session import csrf_matches, current_session, delete_session_cookie
from broker.oidc.session_id import session_id_for

PATH: Final = "/oauth/logout"
_MAX_STATE: Final = 1024


def ask(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    """The client's request, by GET or POST (2). Raises PageError."""
    client = _client(server, parameters)
    address = _address(client, parameters)
    session = current_session(request)
    language = _language(server, request, parameters)
    if session is None:
        _end_what_is_left(server, client, parameters)
        return _leave(server, address, parameters, language)
    return confirmation_page(
        server,
        request,
        language,
        client_name=_name(client, language),
        hidden={
            name: value
            for name in ("client_id", "post_logout_redirect_uri", "state", "id_token_hint")
            if (value := parameters.get(name)) is not None
        },
    )


def decide(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    """The person's answer on our page. Raises PageError."""
    client = _client(server, parameters)
    address = _address(client, parameters)
    language = _language(server, request, parameters)
    session = current_session(request)
    if session is None:
        _end_what_is_left(server, client, parameters)
        return _leave(server, address, parameters, language)
    if not csrf_matches(request, parameters.get("csrf")):
        raise PageError("form_expired", status=403, cause="the form carries no token of this session")
    if parameters.get("decision") != "logout":
        return done_page(server, request, language, logged_out=False, back=address)
    with server.open_unit() as unit:
        server.logins.session(unit, session.session_hash, Ending.LOGOUT, at=server.clock())
    _end_what_is_left(server, client, parameters)
    return delete_session_cookie(server, _leave(server, address, parameters, language))


def _client(server: AuthorizationServer, parameters: Parameters) -> Client | None:
    """The client named by `client_id`, or by the hint's audience; the two must agree (2)."""
    hint, client_id = parameters.get("id_token_hint"), parameters.get("client_id")
    if hint is not None:
        claims = server.token_keys.verified_hint(hint)
        audience = claims.get("aud") if claims is not None else None
        if not isinstance(audience, str) or client_id not in (None, audience):
            raise PageError("bad_request", cause="id_token_hint is no ID token of ours for this client")
        client = server.clients.get(audience)
        try:
            hinted_subject(server, hint, client)
        except OAuthError as error:
            raise PageError("bad_request", cause=error.description) from error
        return client
    return server.clients.get(client_id) if client_id is not None else None


def _end_what_is_left(server: AuthorizationServer, client: Client | None, parameters: Parameters) -> None:
    """`sid` of the hint says which session it was, also when that has ended by itself (2, OpenID Connect Core 11)."""
    hint = parameters.get("id_token_hint")
    claims = server.token_keys.verified_hint(hint) if hint is not None else None
    if client is None or claims is None or "sid" not in claims:
        return
    with server.open_unit() as unit:
        for session_id in unit.sessions_behind(client.client_id, claims["sub"]):
            if session_id_for(server.sid_key, session_id, client.client_id) == claims["sid"]:
                server.logins.left_of_session(unit, session_id, client.client_id, Ending.LOGOUT, at=server.clock())


def _address(client: Client | None, parameters: Parameters) -> str | None:
    """Where to go afterwards: a registered address, compared as a string, of a client that is known (3)."""
    asked = parameters.get("post_logout_redirect_uri")
    if asked is None:
        return None
    if client is None or asked not in client.post_logout_redirect_uris:
        raise PageError("redirect_mismatch", cause="post_logout_redirect_uri is not registered for the client")
    if len(parameters.get("state") or "") > _MAX_STATE:
        raise PageError("bad_request", cause="state is too long")
    return asked


def _leave(server: AuthorizationServer, address: str | None, parameters: Parameters, language: str) -> Response:
    if address is None:
        return done_page(server, None, language, logged_out=True, back=None)
    parts, state = urlsplit(address), parameters.get("state")
    query = "&".join(part for part in (parts.query, urlencode({"state": state}) if state else "") if part)
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})


def _name(client: Client | None, language: str) -> str | None:
    return client.names.get(language) or client.names.get("en") if client is not None else None


def _language(server: AuthorizationServer, request: Request, parameters: Parameters) -> str:
    tags = (parameters.get("ui_locales") or "").split()[:16]
    wished = next((found for tag in tags if (found := matching_language(tag)) is not None), None)
    return page_language(server, request, parameters.get("lang") or wished)
