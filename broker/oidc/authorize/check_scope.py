"""`scope` (RFC 6749 3.3, OpenID Connect Core 3.1.2.1): openid, and nothing beyond the client's registration."""

from broker.oidc.client import Client
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters


def check_scope(parameters: Parameters, client: Client) -> frozenset[str]:
    asked = frozenset(parameters.require("scope").split(" "))
    if "openid" not in asked:
        raise OAuthError("invalid_scope", "scope must contain openid")
    if not asked <= client.scopes:
        raise OAuthError("invalid_scope", "the client may not ask for this scope")
    return asked
