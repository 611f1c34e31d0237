"""idpyoidc as a relying party: its own discovery, a code with PKCE, client_secret_post, an RS256 ID token and userinfo,
all by its RPHandler.
"""

from tempfile import TemporaryDirectory
from urllib.parse import parse_qsl, urlsplit

from driven import done, hear, visit
from idpyoidc.client.rp_handler import RPHandler

order = hear()
SERVICES = {
    "discovery": {"class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"},
    "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
    "accesstoken": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
    "refresh_accesstoken": {"class": "idpyoidc.client.oidc.refresh_access_token.RefreshAccessToken"},
    "userinfo": {"class": "idpyoidc.client.oidc.userinfo.UserInfo"},
}
CLIENT = {
    "issuer": order["issuer"],
    "client_id": order["client_id"],
    "client_secret": order["secret"],
    "client_type": "oidc",
    "redirect_uris": [order["redirect_uri"]],
    "response_types_supported": ["code"],
    "scopes_supported": ["openid", "profile"],
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
    "client_authn_methods": ["client_secret_post", "bearer_header"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "add_ons": {
        "pkce": {
            "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
            "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
        }
    },
}
with TemporaryDirectory() as folder:
    keys = {
        "private_path": f"{folder}/private.json",
        "key_defs": [{"type": "EC", "crv": "P-256", "use": ["sig"]}],
        "read_only": False,
    }
    handler = RPHandler(order["redirect_uri"], client_configs={"tongguan": CLIENT}, services=SERVICES, key_conf=keys)
    arrived = visit(handler.begin("tongguan"))
    answer = dict(parse_qsl(urlsplit(arrived).query))
    result = handler.finalize(order["issuer"], answer)

if "error" in result:
    raise SystemExit(str(result))
client = handler.get_client_from_session_key(result["state"])
asked = client.get_context().cstate.get(result["state"])
done(
    {
        "id_token": asked["id_token"],
        "access_token": result["token"],
        "nonce": asked["nonce"],
        "claims": result["id_token"].to_dict(),
        "userinfo": result["userinfo"].to_dict(),
    }
)
