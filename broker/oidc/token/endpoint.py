"""The token endpoint (RFC 6749 3.2): client, proof of possession, then one grant type per file."""

from starlette.requests import Request

from broker.oidc import dpop
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.authorization_code import redeem_code
from broker.oidc.token.check_client import check_client
from broker.oidc.token.issue import TokenResponse
from broker.oidc.token.refresh_token import refresh

GRANT_TYPES = {"authorization_code": redeem_code, "refresh_token": refresh}


def token(server: AuthorizationServer, request: Request, parameters: Parameters) -> TokenResponse:
    """The token response. Raises OAuthError, after whatever the refusal changed is committed."""
    client = check_client(server, request, parameters)
    exchange = GRANT_TYPES.get(parameters.require("grant_type"))
    if exchange is None:
        raise OAuthError("unsupported_grant_type", "grant_type must be " + " or ".join(GRANT_TYPES))
    at = server.clock()
    proof = dpop.verify(
        request.headers.getlist("dpop"),
        method=request.method,
        url=server.issuer + request.url.path,
        at=at,
        nonces=server.nonces,
    )
    with server.open_unit() as unit:
        # A replayed proof must spend nothing, and a spent proof must stay spent whatever the exchange says.
        if unit.remember_proof(proof.proof_hash, proof.replayable_until):
            outcome = exchange(server, unit, client, proof, parameters, at)
        else:
            outcome = dpop.InvalidProof("this proof was used before")
    if isinstance(outcome, OAuthError):
        raise outcome
    return outcome
