"""What a client asks to be released, what the person grants, and in which shape it arrives."""

import json
from typing import Any

import jwt
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

from broker.core.client import Authentication, Encryption, Profile
from broker.core.denial import Denied, Refusal
from tests.support.fake_desk import VALUES, VERIFICATION
from tests.support.oidc_agency import Agency, release
from tests.support.oidc_world import OidcWorld


@pytest.fixture
def agency(world: OidcWorld) -> Agency:
    return Agency(world)


def test_the_person_is_asked_once_and_the_grant_says_what_for(agency: Agency) -> None:
    details = [release("over_18", frequency={"times": 3, "per": "P1D"})]
    tokens = agency.tokens(authorization_details=details)
    assert tokens["authorization_details"] == details
    assert agency.world.desk.shown == 1
    assert agency.userinfo(tokens["access_token"]).json() == {"over_18": True, "sub": _sub(tokens)}
    again = agency.tokens(authorization_details=details)
    assert agency.world.desk.shown == 1
    assert again["authorization_details"] == details


def test_prompt_consent_asks_again_and_prompt_none_never(agency: Agency) -> None:
    details = [release()]
    agency.log_in()
    assert agency.authorize(authorization_details=details, prompt="none")["error"] == "consent_required"
    assert "code" in agency.authorize(authorization_details=details)
    assert "code" in agency.authorize(authorization_details=details, prompt="none")
    assert agency.world.desk.shown == 1
    assert "code" in agency.authorize(authorization_details=details, prompt="consent")
    assert agency.world.desk.shown == 2


def test_a_no_is_an_answer(agency: Agency) -> None:
    agency.world.desk.agrees = False
    agency.log_in()
    assert agency.authorize(authorization_details=[release()])["error"] == "access_denied"


@pytest.mark.parametrize(
    "details",
    [
        [],
        {},
        [release() | {"type": "payment"}],
        [release() | {"colour": "red"}],
        [release() | {"claims": []}],
        [release() | {"claims": ["shoe_size"]}],
        [release() | {"claims": ["document_number"]}],  # registered, but not for this purpose
        [release() | {"claims": ["native_name"]}],  # not registered
        [release() | {"claims": ["matches:native_name"]}],  # what may not be read may not be compared
        [release() | {"claims": ["matches"]}],
        [release() | {"claims": ["matches:gender"]}],  # nothing that can be compared
        [release() | {"purpose": "marketing"}],
        [release() | {"purpose": "visitor-registration"}],  # a purpose, but not this client's
        [release() | {"recipient": "another-agency"}],
        [release() | {"retention": "P9999D"}],
        [release() | {"retention": "soon"}],
        [release() | {"frequency": {"times": 0, "per": "P1D"}}],
        [release() | {"frequency": {"times": True, "per": "P1D"}}],
        [release() | {"optional": ["name"]}],
        [release(), release()],
        "[[[[",
        "text",
    ],
    ids=str,
)
def test_details_that_may_not_be_asked_for(agency: Agency, details: Any) -> None:
    answer = agency.push(authorization_details=details)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")


def test_a_comparison_is_agreed_to_and_told_to_nobody_who_states_no_value(agency: Agency) -> None:
    agency.change(purposes=frozenset({"account-opening"}))
    details = [release("matches:family_name", purpose="account-opening")]
    tokens = agency.tokens(authorization_details=details)
    assert tokens["authorization_details"] == details
    assert agency.userinfo(tokens["access_token"]).json() == {"sub": _sub(tokens)}
    assert agency.world.desk.released == []


def test_withdrawn_or_spent_consent_keeps_everything_in(agency: Agency) -> None:
    tokens = agency.tokens(authorization_details=[release()])
    for reason, status in ((Refusal.CONSENT_MISSING, 403), (Refusal.OVER_FREQUENCY, 429)):
        agency.world.desk.denial = Denied(reason)
        answer = agency.userinfo(tokens["access_token"])
        assert answer.status_code == status
        assert "over_18" not in answer.text
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_token_without_releases_says_who_and_no_more(agency: Agency) -> None:
    tokens = agency.tokens(scope="openid profile")
    # A fapi2 client's scope asks for a release too, when it is registered for sign-in: that was shown and granted.
    assert agency.world.desk.shown == 1
    agency.change(purposes=frozenset({"age-check"}))
    plain = agency.tokens(scope="openid profile")
    assert agency.userinfo(plain["access_token"]).json() == {"sub": _sub(tokens)}


def test_the_claims_parameter_chooses_and_id_token_claims_are_released_too(agency: Agency) -> None:
    claims = {
        "userinfo": {"given_name": {"essential": True}, "shoe_size": None},
        "id_token": {"family_name": None, "acr": None},
    }
    tokens = agency.tokens(claims=claims)
    token = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert token["family_name"] == VALUES["family_name"]
    assert "given_name" not in token
    found = agency.userinfo(tokens["access_token"]).json()
    assert found == {"given_name": VALUES["given_name"], "sub": token["sub"]}
    assert agency.world.desk.released[0] == ("agency-web", frozenset({"family_name"}))


@pytest.mark.parametrize("change", [{"down": True}, {"denial": Denied(Refusal.OVER_FREQUENCY)}], ids=str)
def test_an_id_token_without_its_claims_comes_with_tokens_that_work(agency: Agency, change: dict[str, Any]) -> None:
    desk = agency.world.desk
    for name, value in change.items():
        setattr(desk, name, value)
    tokens = agency.tokens(claims={"id_token": {"family_name": {"essential": True}}, "userinfo": {"family_name": None}})
    assert "family_name" not in jwt.decode(tokens["id_token"], options={"verify_signature": False})
    desk.down, desk.denial = False, None
    assert agency.userinfo(tokens["access_token"]).json()["family_name"] == VALUES["family_name"]
    refreshed = agency.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200
    # What was asked for came with the code or not at all.
    assert "family_name" not in jwt.decode(refreshed.json()["id_token"], options={"verify_signature": False})


def test_optional_claims_may_be_kept_back(agency: Agency) -> None:
    agency.world.desk.agrees = frozenset({"given_name"})
    claims = {"userinfo": {"given_name": {"essential": True}, "birthdate": None}}
    tokens = agency.tokens(claims=claims)
    assert set(agency.userinfo(tokens["access_token"]).json()) == {"given_name", "sub"}


@pytest.mark.parametrize(
    ("verification", "met"),
    [
        ({"trust_framework": None}, True),
        ({"trust_framework": {"value": "hk_iamsmart"}}, True),
        ({"trust_framework": {"values": ["de_aml", "hk_iamsmart"]}}, True),
        ({"trust_framework": {"value": "de_aml"}}, False),
        ({"trust_framework": None, "time": {"max_age": 3600}}, True),
        ({"trust_framework": None, "time": {"max_age": -1}}, False),
        ({"trust_framework": None, "evidence": [{"type": {"value": "electronic_record"}}]}, True),
        ({"trust_framework": None, "evidence": [{"type": {"value": "document"}}]}, False),
        ({"trust_framework": None, "assurance_level": {"value": "high"}}, False),
    ],
    ids=str,
)
def test_verified_claims_come_with_their_verification_or_not_at_all(
    agency: Agency, verification: dict[str, Any], met: bool
) -> None:
    asked = {"verification": verification, "claims": {"birthdate": None}}
    tokens = agency.tokens(claims={"userinfo": {"verified_claims": asked}})
    found = agency.userinfo(tokens["access_token"]).json()
    expected = {"verification": dict(VERIFICATION), "claims": {"birthdate": VALUES["birthdate"]}}
    assert found.get("verified_claims") == (expected if met else None)
    assert "birthdate" not in found


@pytest.mark.parametrize(
    "claims",
    [
        "[]",
        "{",
        '{"userinfo": []}',
        '{"userinfo": {"name": 1}}',
        '{"userinfo": {"name": {"essential": "yes"}}}',
        '{"userinfo": {"verified_claims": {}}}',
        '{"userinfo": {"verified_claims": []}}',
        '{"a":' * 12 + "1" + "}" * 12,
    ],
)
def test_what_is_no_claims_parameter(agency: Agency, claims: str) -> None:
    assert agency.push(claims=claims).json()["error"] == "invalid_request"


def test_signed_userinfo(agency: Agency) -> None:
    agency.change(userinfo_signed_alg="ES256")
    tokens = agency.tokens(authorization_details=[release()])
    answer = agency.userinfo(tokens["access_token"])
    assert answer.headers["content-type"] == "application/jwt"
    found = _verified(agency, answer.text)
    assert (found["over_18"], found["iss"], found["aud"]) == (True, "http://broker.test", "agency-web")


@pytest.mark.parametrize("signed", ["ES256", None])
@pytest.mark.parametrize(
    ("alg", "enc"),
    [("ECDH-ES", "A256GCM"), ("ECDH-ES+A256KW", "A128CBC-HS256"), ("RSA-OAEP-256", "A256GCM")],
)
def test_encrypted_userinfo_opens_with_the_clients_key_alone(
    agency: Agency, alg: str, enc: str, signed: str | None
) -> None:
    parameters: Any = {"kid": "enc", "use": "enc"}
    key: Any = RSAKey.generate_key(2048, parameters) if alg[0] == "R" else ECKey.generate_key("P-256", parameters)
    published = {"keys": [agency.key.as_dict(private=False), key.as_dict(private=False)]}
    agency.change(userinfo_signed_alg=signed, userinfo_encryption=Encryption(alg, enc), jwks=published)
    tokens = agency.tokens(authorization_details=[release()])
    text = agency.userinfo(tokens["access_token"]).text
    opened = jwe.decrypt_compact(text, key, algorithms=[alg, enc])
    assert opened.headers()["kid"] == "enc"
    assert opened.plaintext is not None
    assert opened.headers().get("cty") == ("JWT" if signed else None)
    found = _verified(agency, opened.plaintext.decode()) if signed else json.loads(opened.plaintext)
    assert found["over_18"] is True


def test_consent_grants_are_a_header_of_plain_answers_and_inside_protected_ones(agency: Agency) -> None:
    agency.world.desk.consent_grants = ("grant.of.one", "grant.of.two")
    details = [release()]
    plain = agency.userinfo(agency.tokens(authorization_details=details)["access_token"])
    assert plain.headers["consent-grant"] == "grant.of.one, grant.of.two"
    assert "consent_grants" not in plain.json()

    agency.change(userinfo_signed_alg="ES256")
    signed = agency.userinfo(agency.tokens(authorization_details=details)["access_token"])
    assert _verified(agency, signed.text)["consent_grants"] == ["grant.of.one", "grant.of.two"]

    key = ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"})
    published = {"keys": [agency.key.as_dict(private=False), key.as_dict(private=False)]}
    agency.change(userinfo_signed_alg=None, userinfo_encryption=Encryption("ECDH-ES", "A256GCM"), jwks=published)
    sealed = agency.userinfo(agency.tokens(authorization_details=details)["access_token"])
    opened = jwe.decrypt_compact(sealed.text, key, algorithms=["ECDH-ES", "A256GCM"])
    assert json.loads(opened.plaintext or b"")["consent_grants"] == ["grant.of.one", "grant.of.two"]
    for answer in (signed, sealed):
        assert "consent-grant" not in answer.headers


_NO_KEY: dict[str, Any] = {}
_SIGNING_CURVE = OKPKey.generate_key("Ed25519", {"use": "enc"}).as_dict(private=False)


@pytest.mark.parametrize("published", [_NO_KEY, _SIGNING_CURVE], ids=["none", "of a signing curve"])
@pytest.mark.parametrize("remembered", [True, False])
def test_no_key_to_encrypt_to_and_nothing_is_released(
    agency: Agency, published: dict[str, Any], remembered: bool
) -> None:
    jwks = {"keys": [agency.key.as_dict(private=False), published]}
    sealed = {"userinfo_encryption": Encryption("ECDH-ES", "A256GCM"), "jwks": jwks}
    if remembered:
        agency.change(**sealed)
    tokens = agency.tokens(authorization_details=[release()])
    if not remembered:
        agency.change(**sealed)
    answer = agency.userinfo(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert agency.world.desk.released == []


def test_an_oidc_basic_client_gets_names_by_scope(world: OidcWorld) -> None:
    client = Agency(
        world,
        profile=Profile.OIDC_BASIC,
        auth=Authentication.CLIENT_SECRET_POST,
        secret_hash=bytes.fromhex("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"),
        scopes=frozenset({"openid", "profile"}),
    )
    client.log_in()
    code = client.authorize(scope="openid profile email", code_challenge=None, code_challenge_method=None)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://agency.example/callback"}
    body = client.api.post("http://broker.test/oauth/token", data=form | client.credentials()).json()
    assert body["token_type"] == "Bearer"
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    found = client.api.get("http://broker.test/oauth/userinfo", headers=bearer).json()
    assert found.keys() == {"sub", "name", "family_name", "given_name", "birthdate"}


def _sub(tokens: dict[str, Any]) -> str:
    return str(jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"])


def _verified(agency: Agency, token: str) -> dict[str, Any]:
    key = agency.world.server.token_keys.current.public_key
    options: Any = {"verify_iat": False}
    found: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience="agency-web", options=options)
    return found
