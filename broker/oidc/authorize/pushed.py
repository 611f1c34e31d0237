"""Pushed authorization requests (RFC 9126). Optional for the wallet; the same checks run, only the answers go to the
client.
"""

from typing import Any

from starlette.requests import Request

from broker.core.authorization import PendingRequest, digest
from broker.oidc import dpop
from broker.oidc.authorize.endpoint import REQUEST_URI_PREFIX
from broker.oidc.authorize.read_request import read_request
from broker.oidc.client import redirect_uri_of
from broker.oidc.errors import OAuthError, PageError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.check_client import check_client


def push(server: AuthorizationServer, request: Request, parameters: Parameters) -> dict[str, Any]:
    """The body of the 201 answer (2.2). Raises OAuthError."""
    client = check_client(server, request, parameters)
    if parameters.get("request_uri") is not None:  # 2.1: not inside a pushed request
        raise OAuthError("invalid_request", "request_uri may not be pushed")
    at = server.clock()
    proof = None
    if request.headers.getlist("dpop"):  # RFC 9449 10.1
        proof = dpop.verify(
            request.headers.getlist("dpop"),
            method=request.method,
            url=server.issuer + request.url.path,
            at=at,
            nonces=server.nonces,
        )
    try:
        redirect_uri = redirect_uri_of(client, parameters.get("redirect_uri"))
    except PageError as error:
        raise OAuthError("invalid_request", "redirect_uri is not registered for this client") from error
    asked = read_request(parameters, client=client, redirect_uri=redirect_uri, proven_jkt=proof.jkt if proof else None)
    handle = server.secret()
    lifetime = server.lifetimes.pushed_request
    with server.open_unit() as unit:
        fresh = proof is None or unit.remember_proof(proof.proof_hash, proof.replayable_until)
        if fresh:
            unit.add_pending(PendingRequest(digest(handle), asked, at, at + lifetime))
    if not fresh:
        raise dpop.InvalidProof("this proof was used before")
    return {"request_uri": REQUEST_URI_PREFIX + handle, "expires_in": int(lifetime.total_seconds())}
