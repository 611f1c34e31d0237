"""`scope` (RFC 6749 3.3, OpenID Connect Core 3.1.2.1): openid, and nothing beyond the client's registration."""

from typing import Final

from broker.oidc.client import Client, Profile
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters

# Scopes that mean a person; whatever else a client has is for itself (client_credentials).
PERSONAL: Final = frozenset({"openid", "profile", "email", "address", "phone", "offline_access", "wallet"})


def check_scope(parameters: Parameters, client: Client) -> frozenset[str]:
    """What is asked. For oidc_basic an unknown scope is left out (3.1.2.1), for the others it is an error."""
    asked = frozenset(parameters.require("scope").split(" "))
    if "openid" not in asked:
        raise OAuthError("invalid_scope", "scope must contain openid")
    allowed = client.scopes & PERSONAL
    if client.profile is Profile.OIDC_BASIC:
        return asked & allowed
    if not asked <= allowed:
        raise OAuthError("invalid_scope", "the client may not ask for this scope")
    return asked
