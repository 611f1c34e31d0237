"""Pushed authorization requests (RFC 9126): the same checks, only the answers go to the client. Required of fapi2
clients (FAPI 2.0 Security Profile 5.3.2.2), offered to the others.
"""

from datetime import datetime
from math import ceil
from typing import Any

from starlette.requests import Request

from broker.core.authorization import AuthorizationRequest, PendingRequest, digest
from broker.core.client import Authentication
from broker.oidc.authorize.endpoint import REQUEST_URI_PREFIX
from broker.oidc.authorize.read_request import read_request
from broker.oidc.authorize.request_object import unpack_request
from broker.oidc.client import Client, redirect_uri_of
from broker.oidc.client_address import client_address
from broker.oidc.client_auth.authenticate import Authenticated, authenticate, confirm
from broker.oidc.dpop import Proof
from broker.oidc.errors import OAuthError, PageError
from broker.oidc.parameters import Parameters
from broker.oidc.proof import marks_of, read_proof, replay
from broker.oidc.server import AuthorizationServer


def push(server: AuthorizationServer, request: Request, parameters: Parameters) -> dict[str, Any]:
    """The body of the 201 answer (2.2). Raises OAuthError."""
    at = server.clock()
    known = _known(server, request, parameters, at)
    proof = read_proof(server, request, at, required=False)  # RFC 9449 10.1
    asked = _asked(server, parameters, known.client, proof, at)
    handle = server.secret()
    lifetime = server.lifetimes.pushed_request
    # Whatever the request is worth, the client's assertion and the proof are used up.
    with server.open_unit() as unit:
        admission = unit.admit(marks_of(known, proof), client_id=known.client.client_id)
        if admission.fresh and not isinstance(asked, OAuthError):
            confirm(server, known, admission.client_version, at)
            unit.add_pending(PendingRequest(digest(handle), asked, at, at + lifetime))
    if not admission.fresh:
        raise replay(admission, proof)
    if isinstance(asked, OAuthError):
        raise asked
    return {"request_uri": REQUEST_URI_PREFIX + handle, "expires_in": int(lifetime.total_seconds())}


def _asked(
    server: AuthorizationServer, parameters: Parameters, client: Client, proof: Proof | None, at: datetime
) -> AuthorizationRequest | OAuthError:
    """The request, or why it is none of this client's."""
    try:
        return _read(server, parameters, client, proof, at)
    except OAuthError as error:
        return error


def _read(
    server: AuthorizationServer, parameters: Parameters, client: Client, proof: Proof | None, at: datetime
) -> AuthorizationRequest:
    if parameters.get("request_uri") is not None:  # 2.1: not inside a pushed request
        raise OAuthError("invalid_request", "request_uri may not be pushed")
    asked_for = unpack_request(server, parameters, client, at)
    if asked_for.get("client_id") not in (None, client.client_id):
        raise OAuthError("invalid_request", "client_id is another client's")
    try:
        redirect_uri = redirect_uri_of(client, asked_for.get("redirect_uri"))
    except PageError as error:
        raise OAuthError("invalid_request", "redirect_uri is not registered for this client") from error
    return read_request(
        server, asked_for, client=client, redirect_uri=redirect_uri, proven_jkt=proof.jkt if proof else None
    )


def _known(server: AuthorizationServer, request: Request, parameters: Parameters, at: datetime) -> Authenticated:
    """The client, within its limit. One that proves nothing about itself (a public client, or a stranger) is limited by
    its address: anybody can use its name. Raises OAuthError.
    """
    address = f"address {client_address(request.scope)}"
    try:
        known = authenticate(server, request, parameters, at, held=False)
    except OAuthError:
        _limit(server, address)
        raise
    public = known.client.auth is Authentication.NONE
    _limit(server, address if public else f"client {known.client.client_id}")
    return known


def _limit(server: AuthorizationServer, name: str) -> None:
    seconds = server.pushes.take(name)
    if seconds > 0:  # 2.3
        headers = {"Retry-After": str(ceil(seconds))}
        raise OAuthError("temporarily_unavailable", "too many requests; wait a little", status=429, headers=headers)
