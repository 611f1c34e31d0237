"""OpenID Connect Core 1.0: ID tokens, nonce, prompt, max_age, pairwise subjects; Discovery and RFC 8414."""

import json
import os
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from broker.oidc.metadata import metadata
from broker.wire.identity_grant import DocumentType, EvidenceKind
from tests.support.oidc_world import ISSUER, OidcWorld
from tests.support.relying_party import RelyingParty
from tests.support.sandbox_idp import SandboxIdp
from tests.support.sandbox_world import OTHER_AGENCY, SandboxWorld
from tests.support.wallet_client import WalletClient, b64url


def _again(wallet: WalletClient, **extra: str) -> dict[str, str]:
    """A second request in the same browser; the answer, or the path of the page it leads to."""
    verifier = b64url(os.urandom(32))
    found = wallet.follow(wallet.browser.get(wallet.authorization_url(verifier, "s", "n", **extra)))
    return found if isinstance(found, dict) else {"page": found.url.path}


def test_2_id_token(world: OidcWorld) -> None:
    wallet = world.logged_in("macau", "macau-sousa")
    claims = wallet.id_token
    assert claims["iss"] == ISSUER
    assert claims["aud"] == "tongguan-wallet"
    assert claims["exp"] - claims["iat"] == 300
    assert claims["auth_time"] == int(world.clock.seconds())
    assert claims["acr"] == "urn:tongguan:acr:high"


def test_2_id_token_says_nothing_else_about_the_person(world: OidcWorld) -> None:
    claims = world.logged_in().id_token
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "sid", "at_hash", "nonce"}


def test_3_1_2_1_no_nonce_no_claim(world: OidcWorld) -> None:
    wallet, verifier = world.wallet(), b64url(os.urandom(32))
    page = wallet.follow(wallet.browser.get(wallet.authorization_url(verifier, "s", "")))
    assert not isinstance(page, dict)
    answer = wallet.at_provider(page, "ctid", "ctid-wang")
    assert isinstance(answer, dict)
    body = wallet.token(
        grant_type="authorization_code",
        code=answer["code"],
        redirect_uri=wallet.redirect_uri,
        code_verifier=verifier,
    )
    assert "nonce" not in jwt.decode(body["id_token"], options={"verify_signature": False})


def test_3_1_2_3_a_session_answers_without_asking(world: OidcWorld) -> None:
    assert "code" in _again(world.logged_in())


def test_3_1_2_3_prompt_none(world: OidcWorld) -> None:
    assert _again(world.wallet(), prompt="none")["error"] == "login_required"
    assert "code" in _again(world.logged_in(), prompt="none")


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_3_1_2_3_prompt_login_asks_again_and_is_then_satisfied(world: OidcWorld, prompt: str) -> None:
    wallet = world.logged_in("iamsmart", "iamsmart-chan")
    first = wallet.id_token["sub"]
    world.clock.forward(seconds=5)
    assert _again(wallet, prompt=prompt) == {"page": "/login"}
    wallet.login("iamsmart", "iamsmart-wong", prompt=prompt)
    assert wallet.id_token["sub"] != first


def test_3_1_2_3_prompt_login_cannot_be_skipped_by_going_straight_on(world: OidcWorld) -> None:
    wallet = world.logged_in()
    world.clock.forward(seconds=5)
    login = wallet.browser.get(wallet.authorization_url(b64url(os.urandom(32)), "s", "n", prompt="login"))
    return_to = dict(parse_qsl(urlsplit(login.headers["location"]).query))["return_to"]
    answer = wallet.follow(wallet.browser.get(ISSUER + return_to))
    assert isinstance(answer, dict)
    assert answer["error"] == "login_required"


def test_3_1_2_1_max_age(world: OidcWorld) -> None:
    wallet = world.logged_in()
    world.clock.forward(minutes=10)
    assert "code" in _again(wallet, max_age="601")
    assert _again(wallet, max_age="599") == {"page": "/login"}
    assert _again(wallet, max_age="0", prompt="none")["error"] == "login_required"


def test_a_session_ends_after_its_fixed_lifetime(world: OidcWorld) -> None:
    wallet = world.logged_in()
    for _ in range(3):
        world.clock.forward(minutes=20)
        _again(wallet, prompt="none")  # use does not prolong it
    assert _again(wallet, prompt="none")["error"] == "login_required"


def test_8_1_pairwise_subjects(world: OidcWorld) -> None:
    first, again = world.logged_in("ctid", "ctid-li"), world.logged_in("ctid", "ctid-li")
    other = world.logged_in("ctid", "ctid-wang")
    assert first.id_token["sub"] == again.id_token["sub"]
    assert first.id_token["sub"] != other.id_token["sub"]
    assert first.me()["inside"] not in first.id_token["sub"]


def test_8_1_another_sectors_subject_names_nobody(sandbox: SandboxWorld, agency: RelyingParty) -> None:
    other = RelyingParty(sandbox, OTHER_AGENCY)
    other.browser = agency.browser
    own, others = agency.tokens().id_token["sub"], other.tokens().id_token["sub"]
    for place in ("id_token", "userinfo"):
        for subject, answer in ((own, "code"), (others, "error")):
            claims = json.dumps({place: {"sub": {"value": subject}}})
            found = agency.authorize(agency.request(prompt="none", claims=claims))
            assert isinstance(found, dict)
            assert answer in found, found
    assert found["error"] == "login_required"


def test_discovery_documents_agree_and_point_at_live_endpoints(world: OidcWorld) -> None:
    client = world.client()
    openid = client.get(f"{ISSUER}/.well-known/openid-configuration").json()
    assert openid == client.get(f"{ISSUER}/.well-known/oauth-authorization-server").json()
    assert openid["issuer"] == ISSUER
    assert openid["code_challenge_methods_supported"] == ["S256"]
    assert openid["authorization_response_iss_parameter_supported"] is True
    for name, url in openid.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert client.get(url).status_code != 404, name


def test_discovery_says_how_claims_are_verified(world: OidcWorld, sandbox: SandboxWorld) -> None:
    """OpenID Connect for Identity Assurance 1.0, 7: of the providers that there are."""
    found = world.client().get(f"{ISSUER}/.well-known/openid-configuration").json()
    assert found["trust_frameworks_supported"] == ["cn_ctid", "hk_iamsmart", "mo_one_account"]
    assert found["evidence_supported"] == ["electronic_record"]
    assert found["electronic_records_supported"] == ["identity_register"]
    assert "documents_supported" not in found
    only = SandboxIdp(evidence=EvidenceKind.DOCUMENT)
    told = metadata(replace(sandbox.server, connectors={"one": only}))
    assert (told["trust_frameworks_supported"], told["evidence_supported"]) == (["sandbox"], ["document"])
    assert told["documents_supported"] == sorted(DocumentType)
    assert "electronic_records_supported" not in told
    nobody = metadata(replace(sandbox.server, connectors={}))
    assert nobody["verified_claims_supported"] is False
    assert not nobody.keys() & {
        "trust_frameworks_supported",
        "evidence_supported",
        "claims_in_verified_claims_supported",
    }


def test_jwks_holds_public_keys_only(world: OidcWorld) -> None:
    keys = world.client().get(f"{ISSUER}/oauth/jwks").json()["keys"]
    members = {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}}
    assert [set(key) - members[key["kty"]] for key in keys] == [{"kty", "kid", "use", "alg"}] * len(keys)
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}


def test_5_6_ui_locales(world: OidcWorld) -> None:
    wallet = world.wallet()
    url = wallet.authorization_url(b64url(os.urandom(32)), "s", "n", ui_locales="xx pt en")
    page = wallet.follow(wallet.browser.get(url))
    assert not isinstance(page, dict)
    assert '<html lang="pt">' in page.text
