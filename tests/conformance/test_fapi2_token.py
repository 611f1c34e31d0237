"""FAPI 2.0 Security Profile, profile fapi2: the token endpoint, client assertions and refresh tokens."""

from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.conformance.modules import fapi2
from tests.support.relying_party import ASSERTION_TYPE, RelyingParty, refused
from tests.support.sandbox_world import ISSUER, RSA_AGENCY, SandboxWorld
from tests.support.wallet_client import DpopKey


@fapi2("ensure-client-id-in-token-endpoint")
def test_ensure_client_id_in_token_endpoint(agency: RelyingParty, other_agency: RelyingParty) -> None:
    code = agency.code()
    # The second client's name under the first client's key.
    signed = other_agency.assertion(key=agency.world.keys[agency.client_id])
    form = {"client_id": other_agency.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    refused(agency.redeem(code, form=form), "invalid_client", "invalid_grant")
    # client_id and assertion name different clients.
    form = {"client_id": other_agency.client_id, **_assertion(agency)}
    refused(agency.redeem(agency.code(), form=form), "invalid_client", "invalid_grant")


@fapi2("ensure-holder-of-key-required")
def test_ensure_holder_of_key_required(agency: RelyingParty) -> None:
    answer = agency.redeem(agency.code(), proof=False)
    refused(answer, "invalid_request", "invalid_dpop_proof", status=(400,))


@fapi2("ensure-authorization-code-is-bound-to-client")
def test_ensure_authorization_code_is_bound_to_client(agency: RelyingParty, other_agency: RelyingParty) -> None:
    refused(other_agency.redeem(agency.code(), redirect_uri=agency.redirect_uri), "invalid_grant", status=(400,))


@fapi2("attempt-reuse-authorization-code-after-one-second")
def test_attempt_reuse_authorization_code_after_one_second(agency: RelyingParty) -> None:
    asked = agency.request()
    code = agency.code(asked)
    tokens = agency.checked(agency.redeem(code), nonce=asked["nonce"])
    assert agency.userinfo(tokens.access_token).status_code == 200
    agency.world.clock.forward(seconds=1)
    refused(agency.redeem(code), "invalid_grant", status=(400,))
    assert agency.userinfo(tokens.access_token).status_code == 401


@fapi2("ensure-token-endpoint-fails-with-expired-auth-code")
def test_ensure_token_endpoint_fails_with_expired_auth_code(agency: RelyingParty) -> None:
    code = agency.code()
    agency.world.clock.forward(seconds=60)  # FAPI 2.0 Security Profile 5.3.2.1: at most 60 seconds
    refused(agency.redeem(code), "invalid_grant", status=(400,))


@fapi2("ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt")
def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(agency: RelyingParty) -> None:
    code = agency.code(proof_by=DpopKey(agency.world.clock.seconds))
    refused(agency.redeem(code), "invalid_request", "invalid_grant", "invalid_dpop_proof", status=(400,))


@fapi2("ensure-token-endpoint-fails-with-mismatched-dpop-jkt")
def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(agency: RelyingParty) -> None:
    code = agency.code(agency.request(dpop_jkt=DpopKey(agency.world.clock.seconds).jkt))
    refused(agency.redeem(code), "invalid_request", "invalid_grant", "invalid_dpop_proof", status=(400,))


@fapi2("ensure-pkce-code-verifier-required")
def test_ensure_pkce_code_verifier_required(agency: RelyingParty) -> None:
    refused(agency.redeem(agency.code(), code_verifier=None), "invalid_grant", "invalid_request", status=(400,))


@fapi2("incorrect-pkce-code-verifier-rejected")
def test_incorrect_pkce_code_verifier_rejected(agency: RelyingParty) -> None:
    refused(agency.redeem(agency.code(), code_verifier="w" * 43), "invalid_grant", status=(400,))


@fapi2("ensure-signed-client-assertion-with-RS256-fails")
def test_ensure_signed_client_assertion_with_rs256_fails(sandbox: SandboxWorld) -> None:
    client = RelyingParty(sandbox, RSA_AGENCY)
    client.tokens()  # with PS256 it works
    refused(client.redeem(client.code(), assertion={"alg": "RS256"}), "invalid_client")
    refused(client.push(client.request(), alg="RS256"), "invalid_client", "invalid_request")


@fapi2("ensure-client-assertion-in-token-endpoint")
def test_ensure_client_assertion_in_token_endpoint(agency: RelyingParty) -> None:
    answer = agency.redeem(agency.code(), form={"client_id": agency.client_id})
    refused(answer, "invalid_client", "invalid_request")
    form = {"client_id": agency.client_id, "client_assertion_type": ASSERTION_TYPE}
    refused(agency.redeem(agency.code(), form=form), "invalid_client", "invalid_request")


@pytest.mark.parametrize("times", [{"exp": -300}, {"exp": None}])
@fapi2("ensure-client-assertion-with-exp-is-5-minutes-in-past-fails")
def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(
    agency: RelyingParty, times: dict[str, int | None]
) -> None:
    now = int(agency.world.clock.seconds())
    moved = {name: None if by is None else now + by for name, by in times.items()}
    refused(agency.redeem(agency.code(), assertion=moved), "invalid_client")


@fapi2("ensure-client-assertion-with-wrong-aud-fails")
def test_ensure_client_assertion_with_wrong_aud_fails(agency: RelyingParty) -> None:
    for wrong in ("https://www.example.com/token", ISSUER + "/", None):
        refused(agency.redeem(agency.code(), assertion={"aud": wrong}), "invalid_client")


@fapi2("ensure-client-assertion-with-no-sub-fails")
def test_ensure_client_assertion_with_no_sub_fails(agency: RelyingParty) -> None:
    refused(agency.redeem(agency.code(), assertion={"sub": None}), "invalid_client")


@fapi2("par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted")
def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(agency: RelyingParty) -> None:
    soon = int(agency.world.clock.seconds()) + 8
    assert agency.push(agency.request(), iat=soon, nbf=soon).status_code == 201


@fapi2("par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails")
def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(agency: RelyingParty) -> None:
    late = int(agency.world.clock.seconds()) + 65
    for times in ({"nbf": late}, {"iat": late}, {"iat": late, "nbf": late}):
        refused(agency.push(agency.request(), exp=late + 60, **times), "invalid_client", "invalid_request")


def audience_refused(agency: RelyingParty, audience: Any) -> None:
    refused(agency.push(agency.request(), aud=audience), "invalid_client", "invalid_request")


@fapi2("par-test-array-as-audience-fails")
def test_par_test_array_as_audience_fails(agency: RelyingParty) -> None:
    audience_refused(agency, [ISSUER, "https://other.example"])
    audience_refused(agency, [ISSUER])


@fapi2("par-test-par-endpoint-url-as-audience-fails")
def test_par_test_par_endpoint_url_as_audience_fails(agency: RelyingParty) -> None:
    audience_refused(agency, agency.world.metadata()["pushed_authorization_request_endpoint"])


@fapi2("par-test-token-endpoint-url-as-audience-fails")
def test_par_test_token_endpoint_url_as_audience_fails(agency: RelyingParty) -> None:
    audience_refused(agency, agency.world.metadata()["token_endpoint"])


@fapi2("refresh-token")
def test_refresh_token(agency: RelyingParty, other_agency: RelyingParty) -> None:
    offline = {"scope": "openid offline_access", "prompt": "consent"}
    tokens = agency.tokens(agency.request(**offline))
    held = tokens.body["refresh_token"]
    agency.world.clock.forward(seconds=5)
    first = agency.token(grant_type="refresh_token", refresh_token=held)
    assert first.status_code == 200, first.text
    assert first.json()["access_token"] != tokens.access_token
    # FAPI 2.0 Security Profile 5.3.2.1: no rotation; the token works again half a minute later.
    assert first.json().get("refresh_token", held) == held
    agency.world.clock.forward(seconds=30)
    second = agency.token(grant_type="refresh_token", refresh_token=held)
    assert second.status_code == 200, second.text
    assert agency.userinfo(second.json()["access_token"]).status_code == 200
    if "id_token" in second.json():
        again = agency.verified_id_token(second.json()["id_token"], second.json()["access_token"], nonce=None)
        assert again["sub"] == tokens.id_token["sub"]
        assert again["auth_time"] == tokens.id_token["auth_time"]
    # With another key, as after a restart: the client authenticates, so the token is its own and not the key's (RFC
    # 9449 5). What it gets is bound to the key it proved.
    anew = DpopKey(agency.world.clock.seconds)
    third = agency.token(grant_type="refresh_token", refresh_token=held, proof_by=anew)
    assert third.status_code == 200, third.text
    assert third.json()["token_type"] == "DPoP"
    assert agency.userinfo(third.json()["access_token"], proof_by=anew).status_code == 200
    assert agency.userinfo(third.json()["access_token"]).status_code == 401
    # Without a proof, by another client.
    unproven = agency.token(grant_type="refresh_token", refresh_token=held, proof=False)
    refused(unproven, "invalid_request", "invalid_dpop_proof", "invalid_grant", status=(400,))
    theirs = other_agency.tokens(other_agency.request(**offline)).body["refresh_token"]
    refused(agency.token(grant_type="refresh_token", refresh_token=theirs), "invalid_grant", status=(400,))
    assert other_agency.token(grant_type="refresh_token", refresh_token=theirs).status_code == 200


def test_a_client_assertion_works_once(agency: RelyingParty) -> None:
    """RFC 7523 3 item 7; not a module of the suite."""
    form = {"client_id": agency.client_id, **_assertion(agency)}
    assert agency.push(agency.request(), form=form).status_code == 201
    refused(agency.push(agency.request(), form=form), "invalid_client")


@pytest.mark.parametrize(
    ("grant", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "openid"}, "unauthorized_client"),
    ],
)
def test_an_assertion_is_used_up_by_a_request_that_is_refused(
    agency: RelyingParty, grant: dict[str, str | None], error: str
) -> None:
    """RFC 7523 3 item 7; not a module of the suite."""
    form = {"client_id": agency.client_id, **_assertion(agency)}
    first = agency.token(form=form, **grant)
    if "use_dpop_nonce" in first.text:  # asking for the nonce is no refusal: the same request comes again
        first = agency.token(form=form, **grant)
    refused(first, error)
    refused(agency.token(form=form, **grant), "invalid_client")


def test_an_assertion_is_used_up_by_a_push_that_is_refused(agency: RelyingParty) -> None:
    """RFC 7523 3 item 7; not a module of the suite."""
    for change in ({"scope": "nonsense"}, {"redirect_uri": "https://elsewhere.example"}):
        form = {"client_id": agency.client_id, **_assertion(agency)}
        refused(agency.push(agency.request(**change), form=form), "invalid_scope", "invalid_request")
        refused(agency.push(agency.request(), form=form), "invalid_client")


def test_a_client_assertion_of_a_strangers_key(agency: RelyingParty) -> None:
    """A key the client never registered, under the client's kid; not a module of the suite."""
    stranger = ECKey.generate_key("P-256", {"kid": "agency-1"})
    refused(agency.push(agency.request(), key=stranger), "invalid_client")


def _assertion(client: RelyingParty) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion()}
