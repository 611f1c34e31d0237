"""Introspection, revocation, tokens for clients themselves, step-up, and what suspension does to all of them."""

from base64 import urlsafe_b64decode
from datetime import timedelta
from traceback import extract_stack
from typing import Any

import jwt
import pytest
from fastapi import Depends

from broker import errands
from broker.core.client import ClientStatus
from broker.oidc.resource import AccessToken, ClientToken, require_client_token, require_token
from tests.support.oidc_agency import HIGH, SUBSTANTIAL, Agency, release
from tests.support.oidc_world import ISSUER, OidcWorld
from tests.support.wallet_client import b64url

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def agency(world: OidcWorld) -> Agency:
    person = Depends(require_token("openid", audience="/agencies/v1"))
    strong = Depends(require_token("openid", audience="/agencies/v1", acr=HIGH, max_age=timedelta(minutes=5)))
    itself = Depends(require_client_token("partner"))

    @world.app.get("/agencies/v1/person")
    def of_person(token: AccessToken = person) -> dict[str, Any]:
        return {"sub": token.subject, "partner": token.client.partner_id}

    @world.app.get("/agencies/v1/strong")
    def of_strong(token: AccessToken = strong) -> dict[str, Any]:
        return {"acr": token.acr}

    @world.app.get("/agencies/v1/itself")
    def of_itself(token: ClientToken = itself) -> dict[str, Any]:
        return {"client": token.client_id, "partner": token.partner_id}

    return Agency(world)


def _own(agency: Agency, **form: str) -> str:
    return str(agency.token(grant_type="client_credentials", **form).json()["access_token"])


def test_a_client_learns_all_about_its_own_token(agency: Agency) -> None:
    tokens = agency.tokens(authorization_details=[release()])
    found = agency.introspect(tokens["access_token"]).json()
    assert found["active"] is True
    assert found["authorization_details"] == [release()]
    assert (found["client_id"], found["cnf"]["jkt"], found["acr"]) == ("agency-web", agency.dpop.jkt, HIGH)
    assert agency.introspect(tokens["refresh_token"]).json()["active"] is True


def test_and_nothing_about_anybody_elses(agency: Agency) -> None:
    other = Agency(agency.world, "other-web")
    tokens = agency.tokens()
    for token in (tokens["access_token"], tokens["refresh_token"], _own(agency), tokens["id_token"], "x", "a.b.c"):
        assert other.introspect(token).json() == {"active": False}


def test_introspection_as_a_signed_answer(agency: Agency) -> None:
    token = agency.tokens()["access_token"]
    answer = agency.introspect(token, Accept="application/token-introspection+jwt")
    assert answer.headers["content-type"] == "application/token-introspection+jwt"
    assert jwt.get_unverified_header(answer.text)["typ"] == "token-introspection+jwt"
    key = agency.world.server.token_keys.current.public_key
    claims = jwt.decode(answer.text, key, algorithms=["ES256"], audience="agency-web", options={"verify_iat": False})
    assert claims["token_introspection"]["active"] is True
    assert claims.keys() == {"iss", "aud", "iat", "token_introspection"}
    # It is no access token, whatever it says about one.
    assert agency.userinfo(answer.text).status_code == 401


def test_introspection_is_for_clients_that_prove_themselves(agency: Agency) -> None:
    token = agency.tokens()["access_token"]
    for form in ({}, {"client_id": "agency-web"}, {"client_id": "tongguan-wallet"}):
        answer = agency.api.post(f"{ISSUER}/oauth/introspect", data={"token": token, **form})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    once = agency.assertion()
    post = agency.api.post
    assert post(f"{ISSUER}/oauth/introspect", data={"token": token, **once}).status_code == 200
    assert post(f"{ISSUER}/oauth/introspect", data={"token": token, **once}).json()["error"] == "invalid_client"


def test_introspection_fetches_no_keys_while_errands_wait(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """All errands share one thread, and a client's host may be slow."""
    uri, sets = "https://agency.example/jwks", agency.world.key_sets
    sets.documents[uri] = {"keys": [agency.key.as_dict(private=False)]}
    agency.change(jwks=None, jwks_uri=uri)
    token = agency.tokens()["access_token"]
    agency.change(keys_version=1)  # the keys in memory count no more
    fetched = len(sets.fetched)
    within: list[str] = []
    fetch = sets.fetch

    def noted(url: str) -> Any:
        within.extend(frame.name for frame in extract_stack() if frame.filename == errands.__file__)
        return fetch(url)

    monkeypatch.setattr(agency.world.server.client_keys, "_fetch", noted)
    assert agency.introspect(token).json()["active"] is True
    assert len(sets.fetched) == fetched + 1
    assert within == []


def test_revoking_ends_the_family_but_not_the_login(agency: Agency) -> None:
    tokens = agency.tokens()
    other = Agency(agency.world, "other-web")
    assert other.revoke(tokens["refresh_token"]).status_code == 200
    assert agency.userinfo(tokens["access_token"]).status_code == 200
    assert agency.revoke(tokens["refresh_token"]).status_code == 200
    assert agency.userinfo(tokens["access_token"]).status_code == 401
    assert agency.introspect(tokens["access_token"]).json() == {"active": False}
    assert "code" in agency.authorize(prompt="none")


def test_a_token_for_the_client_itself(agency: Agency) -> None:
    token = _own(agency)
    assert agency.call("/agencies/v1/itself", token).json() == {"client": "agency-web", "partner": "agency"}
    assert agency.call("/agencies/v1/person", token).status_code == 403
    assert agency.userinfo(token).status_code == 401
    assert agency.revoke(token).status_code == 200
    assert agency.call("/agencies/v1/itself", token).status_code == 401
    assert agency.introspect(token).json() == {"active": False}


def test_a_revoked_token_of_a_client_is_not_spelt_anew(agency: Agency) -> None:
    """ECDSA: with (r, s), (r, n - s) verifies too, so whoever has a token has a second text of it."""
    token = _own(agency)
    signed, _, signature = token.rpartition(".")
    raw = urlsafe_b64decode(signature + "==")
    twin = f"{signed}.{b64url(raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32))}"
    assert agency.call("/agencies/v1/itself", twin).status_code == 200
    assert agency.revoke(token).status_code == 200
    assert agency.call("/agencies/v1/itself", twin).status_code == 401
    assert agency.introspect(twin).json() == {"active": False}


def test_a_token_for_a_person_is_none_for_the_client(agency: Agency) -> None:
    token = agency.tokens()["access_token"]
    assert agency.call("/agencies/v1/person", token).json()["partner"] == "agency"
    assert agency.call("/agencies/v1/itself", token).status_code == 403
    assert agency.call("/wallet/v1/me", token).status_code == 401


@pytest.mark.parametrize("scope", ["openid", "partner openid", "wallet", "grants"])
def test_a_client_gets_no_persons_scope_for_itself(agency: Agency, scope: str) -> None:
    assert agency.token(grant_type="client_credentials", scope=scope).json()["error"] == "invalid_scope"


def test_who_gets_no_token_for_itself(agency: Agency) -> None:
    agency.change(scopes=frozenset({"openid"}))
    assert agency.token(grant_type="client_credentials").json()["error"] == "unauthorized_client"


def test_a_suspension_counts_at_once(agency: Agency) -> None:
    person, own = agency.tokens(), _own(agency)
    agency.change(status=ClientStatus.SUSPENDED)
    assert agency.userinfo(person["access_token"]).status_code == 401
    assert agency.call("/agencies/v1/itself", own).status_code == 401
    assert agency.introspect(own).json()["error"] == "invalid_client"
    assert agency.token(grant_type="client_credentials").json()["error"] == "invalid_client"
    assert agency.push().json()["error"] == "invalid_client"
    agency.change(status=ClientStatus.ACTIVE)
    assert agency.userinfo(person["access_token"]).status_code == 200


def test_step_up_says_what_would_do(agency: Agency) -> None:
    agency.log_in(acr=SUBSTANTIAL, ago=10)
    weak = agency.redeem(agency.authorize()["code"])["access_token"]
    answer = agency.call("/agencies/v1/strong", weak)
    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 401
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{HIGH}"' in challenge
    assert 'max_age="300"' in challenge
    # The client does as it is told: the person logs in more strongly, and the answer comes.
    assert agency.authorize(acr_values=HIGH, max_age="300") == {"page": "/login"}
    agency.world.clock.forward(seconds=1)
    strong = agency.tokens(acr_values=HIGH, max_age="300")["access_token"]
    assert agency.call("/agencies/v1/strong", strong).json() == {"acr": HIGH}
    agency.world.clock.forward(seconds=299)
    assert agency.call("/agencies/v1/strong", strong).status_code == 200
    assert agency.call("/agencies/v1/person", strong).status_code == 200


def test_an_essential_acr_that_no_login_reaches(agency: Agency) -> None:
    agency.log_in(acr=SUBSTANTIAL, ago=10)
    asked = {"id_token": {"acr": {"essential": True, "values": [HIGH]}}}
    assert agency.authorize(claims=asked, prompt="none")["error"] == "login_required"
    agency.world.clock.forward(seconds=1)
    pushed = agency.push(claims=asked).json()["request_uri"]
    assert agency.visit(pushed) == {"page": "/login"}
    agency.world.clock.forward(seconds=1)
    agency.log_in(acr=SUBSTANTIAL)
    handle = pushed.rpartition(":")[2]
    answer = agency.follow(agency.browser.get(f"{ISSUER}/oauth/continue/{handle}"))
    assert answer["error"] == "unmet_authentication_requirements"
    impossible = {"id_token": {"acr": {"essential": True, "value": "urn:other"}}}
    assert agency.authorize(claims=impossible)["error"] == "unmet_authentication_requirements"
    assert "code" in agency.authorize(acr_values="urn:other")


def test_the_person_must_be_the_one_that_was_meant(agency: Agency) -> None:
    mine = agency.tokens()
    subject = jwt.decode(mine["id_token"], options={"verify_signature": False})["sub"]
    assert "code" in agency.authorize(id_token_hint=mine["id_token"], prompt="none")
    assert "code" in agency.authorize(claims={"id_token": {"sub": {"value": subject}}}, prompt="none")
    other = Agency(agency.world, "other-web")
    other.browser = agency.browser
    theirs = other.redeem(other.authorize()["code"])
    assert agency.push(id_token_hint=theirs["id_token"]).json()["error"] == "invalid_request"
    agency.person = other.person
    agency.log_in()
    assert agency.authorize(id_token_hint=mine["id_token"], prompt="none")["error"] == "login_required"
    # A signed answer of userinfo speaks of the same person to the same client, and is no ID token.
    agency.change(userinfo_signed_alg="ES256")
    answer = agency.userinfo(mine["access_token"])
    assert answer.headers["content-type"] == "application/jwt"
    assert agency.push(id_token_hint=answer.text).json()["error"] == "invalid_request"
    assert agency.authorize(id_token_hint=mine["id_token"]) == {"page": "/login"}


def test_two_clients_of_two_sectors_know_two_pseudonyms(agency: Agency) -> None:
    other = Agency(agency.world, "other-web")
    other.browser = agency.browser
    mine = jwt.decode(agency.tokens()["id_token"], options={"verify_signature": False})
    theirs = jwt.decode(other.redeem(other.authorize()["code"])["id_token"], options={"verify_signature": False})
    assert mine["sub"] != theirs["sub"]
    assert mine["sid"] != theirs["sid"]
