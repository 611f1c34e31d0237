"""OpenID Connect Core 5.3.2, RFC 7516: userinfo signed and encrypted to the client, opened by npm jose."""

import json

from tests.support.node import run_node
from tests.support.relying_party import RelyingParty
from tests.support.sandbox_world import ISSUER, SEALED_AGENCY, SandboxWorld


def test_5_3_2_jose_opens_and_verifies(sandbox: SandboxWorld) -> None:
    agency = RelyingParty(sandbox, SEALED_AGENCY)
    tokens = agency.tokens(agency.request(claims='{"userinfo":{"birthdate":null}}'))
    answer = agency.userinfo(tokens.access_token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/jwt")
    assert "1990" not in answer.text
    given = {
        "answer": answer.text,
        "jwk": sandbox.opens.as_dict(private=True),
        "jwks": agency.api.get("/oauth/jwks").json(),
        "issuer": ISSUER,
        "client_id": SEALED_AGENCY,
    }
    opened = run_node("open_userinfo.mjs", stdin=json.dumps(given).encode())
    assert (opened["header"]["alg"], opened["header"]["enc"]) == ("ECDH-ES", "A256GCM")
    assert opened["header"]["cty"] == "JWT"
    claims = opened["claims"]
    assert claims["sub"] == tokens.id_token["sub"]
    assert claims["birthdate"] == "1990-05-17"
    assert claims.keys() == {"iss", "aud", "iat", "sub", "birthdate", "consent_grants"}
    (grant,) = claims["consent_grants"]
    assert grant not in answer.text
    assert "consent-grant" not in answer.headers
