"""OpenID Connect Basic, profile oidc_basic: response, ID token, userinfo and scopes."""

from typing import Any

import httpx
import pytest

from tests.conformance.modules import basic
from tests.support.relying_party import RelyingParty, Tokens, refused
from tests.support.sandbox_world import BASIC_POST, ISSUER, SandboxWorld

NAMES = {"name", "family_name", "given_name"}


def userinfo(client: RelyingParty, tokens: Tokens, answer: httpx.Response | None = None) -> dict[str, Any]:
    """The claims of a good userinfo response (OpenID Connect Core 5.3.2)."""
    answer = answer or client.userinfo(tokens.access_token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    claims: dict[str, Any] = answer.json()
    assert claims["sub"] == tokens.id_token["sub"]
    return claims


@basic("oidcc-server")
def test_oidcc_server(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens()
    assert tokens.id_token["aud"] in (basic_client.client_id, [basic_client.client_id])
    assert basic_client.browser.seen == ["login"]
    refused(basic_client.redeem("x" * 43), "invalid_grant")
    wrong = basic_client.redeem(basic_client.code(), form={"client_id": "basic", "client_secret": "wrong"})
    refused(wrong, "invalid_client")


@basic("oidcc-response-type-missing")
def test_oidcc_response_type_missing(basic_client: RelyingParty) -> None:
    asked = basic_client.request(response_type=None)
    answer = basic_client.authorize(asked)
    assert isinstance(answer, dict)
    assert answer["error"] in ("invalid_request", "unsupported_response_type")
    assert answer["state"] == asked["state"]
    assert "code" not in answer


@basic("oidcc-idtoken-signature")
def test_oidcc_idtoken_signature(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens()
    published = {key["kid"]: key for key in basic_client.api.get("/oauth/jwks").json()["keys"]}
    assert published
    assert all(key["use"] == "sig" and key["alg"] == "ES256" and "d" not in key for key in published.values())
    # `tokens` verified the signature under the published key; one changed bit, and it verifies no more.
    head, body, signature = tokens.body["id_token"].split(".")
    forged = f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    with pytest.raises(Exception, match="Signature verification failed"):
        basic_client.verified_id_token(forged, None, nonce=tokens.id_token["nonce"])


@basic("oidcc-idtoken-unsigned", note="the suite skips it where `none` is not announced")
def test_oidcc_idtoken_unsigned(sandbox: SandboxWorld) -> None:
    assert sandbox.metadata()["id_token_signing_alg_values_supported"] == ["ES256"]


@basic("oidcc-userinfo-get")
def test_oidcc_userinfo_get(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens(basic_client.request(scope="openid profile"))
    assert userinfo(basic_client, tokens).keys() >= NAMES
    assert basic_client.userinfo(tokens.access_token + "x").status_code == 401
    without = basic_client.api.get("/oauth/userinfo")
    assert without.status_code == 401
    assert without.headers["www-authenticate"].lower().startswith(("bearer", "dpop"))


@basic("oidcc-userinfo-post-header")
def test_oidcc_userinfo_post_header(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens()
    userinfo(basic_client, tokens, basic_client.userinfo(tokens.access_token, method="POST"))


@basic("oidcc-userinfo-post-body")
def test_oidcc_userinfo_post_body(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens()
    answer = basic_client.api.post("/oauth/userinfo", data={"access_token": tokens.access_token})
    userinfo(basic_client, tokens, answer)
    # RFC 6750 2: one method of the three, and never the query here.
    both = basic_client.api.post(
        "/oauth/userinfo",
        data={"access_token": tokens.access_token},
        headers={"Authorization": f"Bearer {tokens.access_token}"},
    )
    assert both.status_code == 400
    assert 'error="invalid_request"' in both.headers["www-authenticate"]
    assert basic_client.api.get("/oauth/userinfo", params={"access_token": tokens.access_token}).status_code == 401


@basic("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(basic_client: RelyingParty) -> None:
    assert "nonce" not in basic_client.tokens(basic_client.request(nonce=None)).id_token


@basic("oidcc-scope-profile")
def test_oidcc_scope_profile(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens(basic_client.request(scope="openid profile"))
    claims = userinfo(basic_client, tokens)
    assert claims.keys() >= NAMES
    assert claims["family_name"] == "Testperson"
    assert basic_client.browser.seen == ["login", "consent"]
    # Only what was asked for leaves, and the ID token carries none of it (OpenID Connect Core 5.4).
    assert not NAMES & tokens.id_token.keys()
    assert not NAMES & userinfo(basic_client, basic_client.tokens()).keys()


def no_such_scope(client: RelyingParty, scope: str, *claims: str) -> None:
    """A scope whose claims no provider vouches for: not announced, ignored when asked for (Core 3.1.2.1)."""
    assert scope not in client.world.metadata()["scopes_supported"]
    tokens = client.tokens(client.request(scope=f"openid {scope}"))
    assert not set(claims) & userinfo(client, tokens).keys()
    assert scope not in tokens.body.get("scope", scope + "?").split()


@basic("oidcc-scope-email", note="the suite skips a scope that is not announced")
def test_oidcc_scope_email(basic_client: RelyingParty) -> None:
    no_such_scope(basic_client, "email", "email", "email_verified")


@basic("oidcc-scope-address", note="the suite skips a scope that is not announced")
def test_oidcc_scope_address(basic_client: RelyingParty) -> None:
    no_such_scope(basic_client, "address", "address")


@basic("oidcc-scope-phone", note="the suite skips a scope that is not announced")
def test_oidcc_scope_phone(basic_client: RelyingParty) -> None:
    no_such_scope(basic_client, "phone", "phone_number", "phone_number_verified")


@basic("oidcc-scope-all")
def test_oidcc_scope_all(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens(basic_client.request(scope="openid email phone address profile"))
    claims = userinfo(basic_client, tokens)
    assert claims.keys() >= NAMES
    assert not {"email", "phone_number", "address"} & claims.keys()


@basic("oidcc-ensure-other-scope-order-succeeds")
def test_oidcc_ensure_other_scope_order_succeeds(basic_client: RelyingParty) -> None:
    tokens = basic_client.tokens(basic_client.request(scope="profile openid"))
    assert userinfo(basic_client, tokens).keys() >= NAMES


@basic("oidcc-claims-essential")
def test_oidcc_claims_essential(basic_client: RelyingParty) -> None:
    assert basic_client.world.metadata()["claims_parameter_supported"] is True
    asked = basic_client.request(claims='{"userinfo":{"name":{"essential":true}}}')
    claims = userinfo(basic_client, basic_client.tokens(asked))
    assert claims["name"]
    assert "family_name" not in claims


@basic("oidcc-server-client-secret-post")
def test_oidcc_server_client_secret_post(sandbox: SandboxWorld) -> None:
    client = RelyingParty(sandbox, BASIC_POST)
    tokens = client.tokens()
    userinfo(client, tokens)
    # The method is the registered one and no other (OpenID Connect Core 9).
    pair = httpx.BasicAuth(BASIC_POST, "the secret")
    form = {"grant_type": "authorization_code", "code": client.code(), "redirect_uri": client.redirect_uri}
    refused(client.api.post(f"{ISSUER}/oauth/token", data=form, auth=pair), "invalid_client")


@basic("oidcc-refresh-token")
def test_oidcc_refresh_token(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    asked = basic_client.request(scope="openid offline_access", prompt="consent")
    tokens = basic_client.tokens(asked)
    first = tokens.body["refresh_token"]
    sandbox.clock.forward(seconds=5)
    stranger = RelyingParty(sandbox, BASIC_POST)
    refused(stranger.token(grant_type="refresh_token", refresh_token=first), "invalid_grant")
    answer = basic_client.token(grant_type="refresh_token", refresh_token=first)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["access_token"] != tokens.access_token
    userinfo(basic_client, tokens, basic_client.userinfo(body["access_token"]))
    if "id_token" in body:  # OpenID Connect Core 12.2
        again = basic_client.verified_id_token(body["id_token"], body["access_token"], nonce=None)
        same = ("iss", "sub", "aud", "auth_time")
        assert {name: again.get(name) for name in same} == {name: tokens.id_token.get(name) for name in same}
    # Rotation with reuse detection (RFC 9700 4.14.2): the first one again ends the family.
    assert body["refresh_token"] != first
    refused(basic_client.token(grant_type="refresh_token", refresh_token=first), "invalid_grant")
    refused(basic_client.token(grant_type="refresh_token", refresh_token=body["refresh_token"]), "invalid_grant")
    assert basic_client.userinfo(body["access_token"]).status_code == 401
