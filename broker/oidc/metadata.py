"""Discovery. OpenID Connect Discovery 1.0 and RFC 8414 say the same here, so both addresses serve one document."""

from typing import Any

from broker.oidc.dpop import ALGORITHMS
from broker.oidc.keys import ALGORITHM
from broker.oidc.server import LANGUAGES, AuthorizationServer
from broker.oidc.token.endpoint import GRANT_TYPES
from broker.wire.identity_grant import Assurance


def metadata(server: AuthorizationServer) -> dict[str, Any]:
    """Only what is served is announced."""
    issuer = server.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "scopes_supported": ["openid", "wallet"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 3
        "acr_values_supported": [str(level) for level in Assurance],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "at_hash"],
        "ui_locales_supported": list(LANGUAGES),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
    }


def jwks(server: AuthorizationServer) -> dict[str, Any]:
    """RFC 7517 5."""
    return {"keys": list(server.token_keys.ring.published)}
