"""Which client is asking, proven the way it registered (RFC 6749 3.2.1, 5.2).

The client may come from memory. Then the statement that admits the request also tells the version the registry has,
and `confirm` proves the client again against what is stored when the two differ: one statement a request, and a
suspension or a changed key still counts at once.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from broker.core.client import Authentication, Client
from broker.oidc.client_auth.assertion import InvalidAssertion, check_assertion
from broker.oidc.client_auth.presented import Presented, read_presented
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.ports import Mark
from broker.oidc.server import AuthorizationServer

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client that proved itself. `marks` must be used up before anything is answered."""

    client: Client
    presented: Presented
    endpoint: str
    marks: tuple[Mark, ...]


def authenticate(
    server: AuthorizationServer, request: Request, parameters: Parameters, at: datetime, *, held: bool = True
) -> Authenticated:
    """`held`: from memory will do, because `confirm` comes before anything of the registration is used. Raises
    OAuthError invalid_client.
    """
    presented = read_presented(request.headers.getlist("authorization"), parameters, realm=server.issuer)
    endpoint = server.issuer + request.url.path
    if not held:
        return _proven(server, server.clients.find(presented.client_id), presented, endpoint, at)
    known = server.clients.find_held(presented.client_id)
    try:
        return _proven(server, known, presented, endpoint, at)
    except OAuthError:
        # Perhaps only our memory of the client is old.
        client = server.clients.find(presented.client_id) if known is not None and known.version else None
        if client is None or known is None or client.version == known.version:
            raise
        return _proven(server, client, presented, endpoint, at)


async def authenticate_soon(
    server: AuthorizationServer, request: Request, parameters: Parameters, at: datetime
) -> Authenticated:
    """The same for the event loop, which must wait for nothing: there only what memory alone decides."""
    presented = read_presented(request.headers.getlist("authorization"), parameters, realm=server.issuer)
    known = server.clients.held(presented.client_id or "")
    if known is not None and known.auth is Authentication.PRIVATE_KEY_JWT and known.jwks_uri is None:
        try:
            return _proven(server, known, presented, server.issuer + request.url.path, at)
        except OAuthError:
            pass  # perhaps only our memory of the client is old
    return await run_in_threadpool(authenticate, server, request, parameters, at)


def confirm(server: AuthorizationServer, known: Authenticated, version: int | None, at: datetime) -> Authenticated:
    """The same client as the registry has it at `version`. Raises OAuthError invalid_client."""
    if known.client.version == (version or 0):
        return known
    client = server.clients.find(known.client.client_id)
    return _proven(server, client, known.presented, known.endpoint, at)


def _proven(
    server: AuthorizationServer, client: Client | None, presented: Presented, endpoint: str, at: datetime
) -> Authenticated:
    if client is None:
        raise _refuse(presented, server.issuer)
    if client.auth is not presented.method:
        _log.info("client %s did not authenticate with %s", client.client_id, client.auth)
        raise _refuse(presented, server.issuer)
    marks: tuple[Mark, ...] = ()
    if presented.method is Authentication.PRIVATE_KEY_JWT:
        try:
            marks = (
                check_assertion(
                    presented.proof, client, keys=server.client_keys, issuer=server.issuer, endpoint=endpoint, at=at
                ),
            )
        except InvalidAssertion as error:
            _log.info("client %s: %s", client.client_id, error)
            raise _refuse(presented, server.issuer) from error
    elif presented.method is not Authentication.NONE and not client.secret_matches(presented.proof):
        raise _refuse(presented, server.issuer)
    return Authenticated(client, presented, endpoint, marks)


def _refuse(presented: Presented, realm: str) -> OAuthError:
    """One text for everything that can be wrong, so that nobody learns which clients there are; the log knows more."""
    headers = {}
    if presented.method is Authentication.CLIENT_SECRET_BASIC:
        headers = {"WWW-Authenticate": f'Basic realm="{realm}"'}
    return OAuthError(
        "invalid_client", "unknown client, or not the way it identifies itself", status=401, headers=headers
    )
