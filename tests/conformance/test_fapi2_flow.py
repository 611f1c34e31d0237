"""FAPI 2.0 Security Profile, profile fapi2: discovery, flows that must work, and what a person decides."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.modules import fapi2
from tests.support.person_browser import PersonBrowser
from tests.support.relying_party import DETAILS, RelyingParty, Tokens
from tests.support.sandbox_world import ISSUER, SandboxWorld, random_string
from tests.support.wallet_client import DpopKey

ALGORITHMS = {"PS256", "ES256", "EdDSA", "Ed25519"}  # FAPI 2.0 Security Profile 5.4.1
ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "pushed_authorization_request_endpoint",
)


def resource(client: RelyingParty, tokens: Tokens, **how: Any) -> dict[str, Any]:
    """A good answer of the protected resource."""
    answer = client.userinfo(tokens.access_token, **how)
    assert answer.status_code == 200, answer.text
    claims: dict[str, Any] = answer.json()
    assert claims["sub"] == tokens.id_token["sub"]
    return claims


def denied(answer: httpx.Response | dict[str, str], asked: dict[str, str], error: str) -> None:
    assert isinstance(answer, dict), (answer.status_code, answer.text[:2000])
    assert answer["error"] == error
    assert answer["state"] == asked["state"]
    assert answer["iss"] == ISSUER
    assert "code" not in answer


@fapi2("discovery-end-point-verification")
def test_discovery_end_point_verification(sandbox: SandboxWorld) -> None:
    answer = sandbox.http().get("/.well-known/openid-configuration")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    document = answer.json()
    assert document == sandbox.http().get("/.well-known/oauth-authorization-server").json()
    assert document["issuer"] == ISSUER
    for endpoint in ENDPOINTS:
        assert urlsplit(document[endpoint]).scheme == "https"
        assert document[endpoint].startswith(ISSUER)
    assert set(document["dpop_signing_alg_values_supported"]) <= ALGORITHMS
    assert set(document["id_token_signing_alg_values_supported"]) <= ALGORITHMS
    assert set(document["token_endpoint_auth_signing_alg_values_supported"]) <= ALGORITHMS
    assert set(document.get("userinfo_signing_alg_values_supported", ())) <= ALGORITHMS
    assert set(document.get("request_object_signing_alg_values_supported", ())) <= ALGORITHMS
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert isinstance(document["require_pushed_authorization_requests"], bool)
    assert "registration_endpoint" not in document
    keys = sandbox.http().get("/oauth/jwks").json()["keys"]
    assert keys
    for key in keys:
        assert key["kid"]
        assert key["alg"] in ALGORITHMS
        assert not {"d", "k", "p", "q"} & key.keys()


@fapi2("happy-flow")
def test_happy_flow(agency: RelyingParty, other_agency: RelyingParty) -> None:
    tokens = agency.tokens()
    assert tokens.id_token.keys() <= {
        *("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "at_hash", "sid", "azp")
    }
    resource(agency, tokens)
    for accept in ("application/json; charset=utf-8", "*/*"):
        proof = agency.dpop.proof(
            "GET", f"{ISSUER}/oauth/userinfo", nonce=agency.nonce, access_token=tokens.access_token
        )
        headers = {"Authorization": f"DPoP {tokens.access_token}", "DPoP": proof, "Accept": accept}
        assert agency.api.get("/oauth/userinfo", headers=headers).status_code == 200
    # FAPI 2.0 Security Profile 5.3.3: no access token in the query, none as a bearer token
    proof = agency.dpop.proof("GET", f"{ISSUER}/oauth/userinfo", nonce=agency.nonce, access_token=tokens.access_token)
    in_query = agency.api.get("/oauth/userinfo", params={"access_token": tokens.access_token}, headers={"DPoP": proof})
    assert in_query.status_code in (400, 401)
    assert agency.userinfo(tokens.access_token, scheme="Bearer", proof=[]).status_code == 401
    # The second client: dpop_jkt without a proof at PAR, a long nonce, parameters beside request_uri
    asked = other_agency.request(nonce=random_string(43), dpop_jkt=other_agency.dpop.jkt)
    url = other_agency.url_of_pushed(other_agency.pushed(asked), **{k: v for k, v in asked.items() if k != "client_id"})
    answer = other_agency.browser.go(url, back_at=other_agency.redirect_uri)
    assert isinstance(answer, dict)
    second = other_agency.checked(other_agency.redeem(answer["code"]), nonce=asked["nonce"])
    resource(other_agency, second)
    assert second.id_token["sub"] != tokens.id_token["sub"]
    # Tokens are the client's own, and its key's.
    assert agency.userinfo(second.access_token).status_code == 401


@fapi2("user-rejects-authentication")
def test_user_rejects_authentication(agency: RelyingParty) -> None:
    # At the login page: the way back the page offers.
    asked = agency.request()
    agency.browser.person = None
    page = agency.authorize(asked)
    assert isinstance(page, httpx.Response)
    handle = page.url.params["return_to"]
    back = agency.browser.go(f"{ISSUER}{handle}?cancel=1", back_at=agency.redirect_uri)
    denied(back, asked, "access_denied")
    # At the consent page.
    asked = agency.request(authorization_details=DETAILS)
    agency.browser.person, agency.browser.agrees = "ann", False
    denied(agency.authorize(asked), asked, "access_denied")
    assert agency.browser.seen[-1] == "consent"


@fapi2("ensure-authorization-request-without-state-success")
def test_ensure_authorization_request_without_state_success(agency: RelyingParty) -> None:
    resource(agency, agency.tokens(agency.request(state=None)))


@fapi2("ensure-authorization-request-without-nonce-success")
def test_ensure_authorization_request_without_nonce_success(agency: RelyingParty) -> None:
    tokens = agency.tokens(agency.request(nonce=None))
    assert "nonce" not in tokens.id_token
    resource(agency, tokens)


@fapi2("ensure-authorization-request-with-64-char-nonce-success")
def test_ensure_authorization_request_with_64_char_nonce_success(agency: RelyingParty) -> None:
    agency.tokens(agency.request(nonce=random_string(64)))


@fapi2("ensure-other-scope-order-succeeds")
def test_ensure_other_scope_order_succeeds(agency: RelyingParty) -> None:
    tokens = agency.tokens(agency.request(scope="offline_access openid", prompt="consent"))
    assert set(tokens.body["scope"].split()) == {"openid", "offline_access"}


@fapi2("test-claims-parameter-identity-claims")
def test_test_claims_parameter_identity_claims(agency: RelyingParty) -> None:
    document = agency.world.metadata()
    assert document["claims_parameter_supported"] is True
    assert {"name", "family_name", "given_name", "birthdate"} <= set(document["claims_supported"])
    wanted = '{"name":null,"family_name":{"essential":true},"birthdate":{"essential":false},"x_unknown":null}'
    tokens = agency.tokens(agency.request(claims=f'{{"userinfo":{wanted},"id_token":{{"given_name":null}}}}'))
    assert agency.browser.seen == ["login", "consent"]
    claims = resource(agency, tokens)
    assert claims["family_name"] == "Testperson"
    assert claims["birthdate"] == "1990-05-17"
    assert "x_unknown" not in claims
    assert "document_number" not in claims
    assert "given_name" not in claims
    assert tokens.id_token["given_name"] == "Ann"
    assert "birthdate" not in tokens.id_token


@fapi2("access-token-type-header-case-sensitivity")
def test_access_token_type_header_case_sensitivity(agency: RelyingParty) -> None:
    tokens = agency.tokens()
    for scheme in ("dPOp", "dpop", "DPOP"):  # RFC 9110 11.1
        resource(agency, tokens, scheme=scheme)


@fapi2("check-dpop-proof-nbf-exp")
def test_check_dpop_proof_nbf_exp(agency: RelyingParty) -> None:
    now = int(agency.world.clock.seconds())
    asked = agency.request()
    times = {"nbf": now, "exp": now + 300}
    tokens = agency.checked(agency.redeem(agency.code(asked), proof_claims=times), nonce=asked["nonce"])
    resource(agency, tokens, **times)
    # and beyond them, refused
    for wrong in ({"exp": now - 1}, {"nbf": now + 300}):
        assert agency.userinfo(tokens.access_token, **wrong).status_code in (400, 401)


@pytest.mark.parametrize("seconds", [-10])
@fapi2("ensure-dpopproof-with-iat-10seconds-before-succeeds")
def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(agency: RelyingParty, seconds: int) -> None:
    _proof_made_at(agency, seconds)


@pytest.mark.parametrize("seconds", [10])
@fapi2("ensure-dpopproof-with-iat-10seconds-after-succeeds")
def test_ensure_dpopproof_with_iat_10seconds_after_succeeds(agency: RelyingParty, seconds: int) -> None:
    _proof_made_at(agency, seconds)


def _proof_made_at(agency: RelyingParty, seconds: int) -> None:
    moved = {"iat": int(agency.world.clock.seconds()) + seconds}
    asked = agency.request()
    tokens = agency.checked(agency.redeem(agency.code(asked), proof_claims=moved), nonce=asked["nonce"])
    resource(agency, tokens, **moved)


@fapi2("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(agency: RelyingParty) -> None:
    asked = agency.request()
    url = agency.url_of_pushed(agency.pushed(asked))
    agency.browser.person = None
    for _ in range(2):  # looked at twice, in this browser, by nobody yet
        assert isinstance(agency.browser.go(url, back_at=agency.redirect_uri), httpx.Response)
    other = PersonBrowser(agency.world.http())  # and opened where the person really is
    answer = other.go(url, back_at=agency.redirect_uri)
    assert isinstance(answer, dict)
    agency.checked(agency.redeem(answer["code"]), nonce=asked["nonce"])


@fapi2("par-without-duplicate-parameters")
def test_par_without_duplicate_parameters(agency: RelyingParty) -> None:
    asked = agency.request()
    answer = agency.browser.go(agency.url_of_pushed(agency.pushed(asked)), back_at=agency.redirect_uri)
    assert isinstance(answer, dict)
    agency.checked(agency.redeem(answer["code"]), nonce=asked["nonce"])
    # A parameter twice is an error wherever it comes (RFC 6749 3.1).
    fields, _ = agency.authentication()
    pairs = [*agency.request().items(), *fields.items(), ("scope", "openid")]
    body = httpx.QueryParams(pairs)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = agency.api.post("/oauth/par", content=str(body), headers=headers)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


@fapi2("ensure-dpop-auth-code-binding-success")
def test_ensure_dpop_auth_code_binding_success(agency: RelyingParty) -> None:
    resource(agency, agency.tokens(agency.request(dpop_jkt=agency.dpop.jkt)))


@fapi2("ensure-dpopproof-at-par-endpoint-binding-success")
def test_ensure_dpopproof_at_par_endpoint_binding_success(agency: RelyingParty) -> None:
    asked = agency.request()
    code = agency.code(asked, proof_by=agency.dpop)
    resource(agency, agency.checked(agency.redeem(code), nonce=asked["nonce"]))


def test_a_key_of_its_own_for_each_flow(agency: RelyingParty) -> None:
    """Nothing ties a client to one DPoP key."""
    agency.tokens()
    agency.dpop = DpopKey(agency.world.clock.seconds)
    resource(agency, agency.tokens())
