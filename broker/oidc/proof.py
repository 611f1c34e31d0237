"""The DPoP proof of a request at one of this server's own endpoints, and what a second use of a mark means."""

from datetime import datetime

from starlette.requests import Request

from broker.core.authorization import Admission
from broker.oidc import dpop
from broker.oidc.client_auth.authenticate import Authenticated
from broker.oidc.errors import OAuthError
from broker.oidc.ports import Mark
from broker.oidc.server import AuthorizationServer


def read_proof(server: AuthorizationServer, request: Request, at: datetime, *, required: bool) -> dpop.Proof | None:
    """Raises InvalidProof or NonceNeeded: the server's nonce is asked for at every endpoint (RFC 9449 8)."""
    headers = request.headers.getlist("dpop")
    if not headers and not required:
        return None
    url = server.issuer + request.scope["path"]
    return dpop.verify(headers, method=request.method, url=url, at=at, nonces=server.nonces)


def marks_of(known: Authenticated, proof: dpop.Proof | None) -> tuple[Mark, ...]:
    return known.marks if proof is None else (*known.marks, proof.mark)


def replay(admission: Admission, proof: dpop.Proof | None) -> OAuthError:
    """The refusal of a request whose proof (RFC 9449 11.1) or client assertion (RFC 7523 3 (7)) was used before."""
    if proof is not None and proof.proof_hash in admission.replayed:
        return dpop.InvalidProof("this proof was used before")
    return OAuthError("invalid_client", "this client assertion was used before", status=401)
