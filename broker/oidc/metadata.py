"""Discovery. OpenID Connect Discovery 1.0 and RFC 8414 say the same here, so both addresses serve one document."""

from typing import Any, Final

from broker.core.client import Authentication, Profile
from broker.core.grant_merge import GrantAction
from broker.core.identity_release import CLAIMS, TYPE
from broker.oidc.authorize.check_acr import LEVELS
from broker.oidc.authorize.check_response_mode import MODES
from broker.oidc.client_auth.assertion import ALGORITHMS as ASSERTION_ALGORITHMS
from broker.oidc.dpop import ALGORITHMS
from broker.oidc.grant_management import GRANTS
from broker.oidc.keys import ALGORITHM
from broker.oidc.sealed_answer import CONTENT_ALGORITHMS, KEY_ALGORITHMS
from broker.oidc.server import LANGUAGES, AuthorizationServer
from broker.oidc.token.endpoint import GRANT_TYPES
from broker.wire.identity_grant import RECORD_TYPE, DocumentType, EvidenceKind

_SCOPES: Final = ("openid", "profile", "offline_access", "wallet", "partner")
_PROTOCOL_CLAIMS: Final = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")


def metadata(server: AuthorizationServer) -> dict[str, Any]:
    """Only what is served is announced; what one profile alone may do is announced where it exists."""
    issuer = server.issuer
    sandbox = server.clients.serves(Profile.OIDC_BASIC)
    confidential = [Authentication.PRIVATE_KEY_JWT.value]
    if sandbox:
        confidential += [Authentication.CLIENT_SECRET_BASIC.value, Authentication.CLIENT_SECRET_POST.value]
    # RS256 is for oidc_basic alone, which a sandbox alone has.
    id_token_algorithms = list(server.token_keys.ring.id_token_algorithms) if sandbox else [ALGORITHM]
    signing = list(ASSERTION_ALGORITHMS)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,  # the profile fapi2 requires it, the others do not
        "scopes_supported": list(_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": list(MODES),  # form_post for other profiles than fapi2
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": id_token_algorithms,
        "userinfo_signing_alg_values_supported": [ALGORITHM],
        "userinfo_encryption_alg_values_supported": list(KEY_ALGORITHMS),
        "userinfo_encryption_enc_values_supported": list(CONTENT_ALGORITHMS),
        "introspection_signing_alg_values_supported": [ALGORITHM],  # RFC 9701 7
        "request_object_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": [Authentication.NONE.value, *confidential],
        "token_endpoint_auth_signing_alg_values_supported": signing,
        "revocation_endpoint_auth_methods_supported": [Authentication.NONE.value, *confidential],
        "revocation_endpoint_auth_signing_alg_values_supported": signing,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": signing,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 3
        "authorization_details_types_supported": [TYPE],  # RFC 9396 10
        "grant_management_endpoint": f"{issuer}{GRANTS}",
        "grant_management_actions_supported": ["query", "revoke", *(action.value for action in GrantAction)],
        "grant_management_action_required": False,
        "acr_values_supported": list(LEVELS),
        "claim_types_supported": ["normal"],
        "claims_supported": [*_PROTOCOL_CLAIMS, *sorted(CLAIMS)],
        **_verified_claims(server),
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "ui_locales_supported": list(LANGUAGES),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def _verified_claims(server: AuthorizationServer) -> dict[str, Any]:
    """OpenID Connect for Identity Assurance 1.0, 7, from the providers that there are."""
    vouching = [one for one in server.connectors.values() if one.trust_framework is not None]
    if not vouching:
        return {"verified_claims_supported": False}
    evidence = {one.evidence for one in vouching}
    found: dict[str, Any] = {
        "verified_claims_supported": True,
        "trust_frameworks_supported": sorted({str(one.trust_framework) for one in vouching}),
        "claims_in_verified_claims_supported": sorted(CLAIMS),
        "evidence_supported": sorted(evidence),
    }
    if EvidenceKind.DOCUMENT in evidence:
        found["documents_supported"] = sorted(DocumentType)
    if EvidenceKind.ELECTRONIC_RECORD in evidence:
        found["electronic_records_supported"] = [RECORD_TYPE]
    return found


def jwks(server: AuthorizationServer) -> dict[str, Any]:
    """RFC 7517 5."""
    return {"keys": list(server.token_keys.ring.published)}
