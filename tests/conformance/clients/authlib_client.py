"""Authlib as an OpenID Connect client: a code with PKCE, authentication by secret or by key, the ID token, userinfo and
refresh.
"""

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from driven import done, hear, visit
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

order = hear()
session = OAuth2Session(
    order["client_id"],
    order.get("secret") or ECKey.import_key(order["jwk"]),
    scope="openid profile offline_access",
    redirect_uri=order["redirect_uri"],
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_basic" if "secret" in order else "private_key_jwt",
)
server = session.get(f"{order['issuer']}/.well-known/openid-configuration", withhold_token=True).json()
if "secret" not in order:
    by_key = PrivateKeyJWT(server["token_endpoint"], alg="ES256", headers={"kid": order["jwk"]["kid"]})
    session.register_client_auth_method(by_key)

verifier, nonce = "authlib-" + "v" * 40, "n-authlib"
url, state = session.create_authorization_url(
    server["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent"
)
tokens = session.fetch_token(
    server["token_endpoint"], authorization_response=visit(url), code_verifier=verifier, state=state
)
keys = KeySet.import_key_set(session.get(server["jwks_uri"], withhold_token=True).json())
decoded = jwt.decode(tokens["id_token"], keys, algorithms=server["id_token_signing_alg_values_supported"])
claims = CodeIDToken(
    decoded.claims,
    decoded.header,
    options={
        "iss": {"essential": True, "value": order["issuer"]},
        "aud": {"essential": True, "value": order["client_id"]},
    },
    params={"nonce": nonce, "client_id": order["client_id"], "access_token": tokens["access_token"]},
)
claims.validate()
userinfo = session.get(server["userinfo_endpoint"])
userinfo.raise_for_status()
first = tokens["refresh_token"]
refreshed = session.refresh_token(server["token_endpoint"], refresh_token=first)
session.get(server["userinfo_endpoint"]).raise_for_status()

done(
    {
        "id_token": tokens["id_token"],
        "access_token": tokens["access_token"],
        "nonce": nonce,
        "claims": dict(claims),
        "userinfo": userinfo.json(),
        "rotated": refreshed["refresh_token"] != first,
    }
)
