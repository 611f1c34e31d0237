"""grant_type=client_credentials (RFC 6749 4.4): a partner for itself, with no person behind the token."""

from datetime import datetime

from broker.oidc.authorize.check_scope import PERSONAL
from broker.oidc.client import Client, Profile
from broker.oidc.dpop import Proof
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.issue import TokenResponse, client_access_token


def grant_to_client(
    server: AuthorizationServer, client: Client, proof: Proof | None, parameters: Parameters, at: datetime
) -> TokenResponse:
    """Raises OAuthError. The token is bound to the proof's key and neither refreshed nor stored."""
    own = client.scopes - PERSONAL
    if client.profile is not Profile.FAPI2 or not own or proof is None:
        raise OAuthError("unauthorized_client", "this client gets no tokens for itself")  # 5.2
    asked = parameters.get("scope")
    scopes = frozenset(asked.split(" ")) if asked else own
    if not scopes <= own:
        raise OAuthError("invalid_scope", "the client may not ask for this scope for itself")
    return {
        "access_token": client_access_token(server, client, scopes, proof.jkt, at),
        "token_type": "DPoP",
        "expires_in": int(server.lifetimes.access_token.total_seconds()),
        "scope": " ".join(sorted(scopes)),
    }
