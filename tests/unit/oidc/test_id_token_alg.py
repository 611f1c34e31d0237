"""How a client's ID tokens are signed: as it registered, and never with RS256 under FAPI 2.0."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import jwt
import pytest

from broker.core.authorization import LogoutNotice, digest
from broker.core.client import Authentication, Profile, check_registration
from broker.oidc.logout.notices import Notifier, logout_token
from tests.support.oidc_agency import Agency
from tests.support.oidc_world import ISSUER, OidcWorld


@pytest.fixture
def basic(world: OidcWorld) -> Agency:
    return Agency(
        world, profile=Profile.OIDC_BASIC, auth=Authentication.CLIENT_SECRET_POST, secret_hash=digest("secret"),
        scopes=frozenset({"openid"}), id_token_alg="RS256",
    )  # fmt: skip


def test_an_oidc_basic_client_that_registered_rs256_gets_it_and_nothing_else_changes(basic: Agency) -> None:
    tokens = basic.tokens()
    assert jwt.get_unverified_header(tokens["id_token"])["alg"] == "RS256"
    keys = {key["kid"]: key for key in basic.api.get(f"{ISSUER}/oauth/jwks").json()["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]).key
    options: Any = {"verify_iat": False, "verify_exp": False}
    claims = jwt.decode(tokens["id_token"], key, algorithms=["RS256"], audience="agency-web", options=options)
    assert claims["iss"] == ISSUER
    assert jwt.get_unverified_header(tokens["access_token"])["alg"] == "ES256"
    announced = basic.api.get(f"{ISSUER}/.well-known/openid-configuration").json()
    assert announced["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    # As a hint it is believed like any other.
    assert "code" in basic.authorize(prompt="none", id_token_hint=tokens["id_token"])
    refreshed = basic.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert jwt.get_unverified_header(refreshed["id_token"])["alg"] == "RS256"


def test_its_logout_tokens_are_signed_alike(basic: Agency) -> None:
    server = basic.world.server
    notifier = Notifier(
        server.issuer, server.clients, server.token_keys, server.sid_key, server.open_unit, lambda url, form: 200,
        server.clock, server.entropy,
    )  # fmt: skip
    token = logout_token(notifier, basic.client, LogoutNotice(uuid4(), "agency-web", uuid4(), "s", 1), server.clock())
    assert jwt.get_unverified_header(token)["alg"] == "RS256"


def test_an_id_token_is_no_access_token_whatever_signed_it(basic: Agency) -> None:
    assert basic.userinfo(basic.tokens()["id_token"]).status_code == 401


@pytest.mark.parametrize("alg", ["RS256", "none", "HS256", "PS512"])
def test_no_agency_registers_another_algorithm(world: OidcWorld, alg: str) -> None:
    agency = Agency(world)
    check_registration(replace(agency.client, id_token_alg="ES256"))
    with pytest.raises(ValueError, match="not signed with"):
        check_registration(replace(agency.client, id_token_alg=alg))


def test_where_no_sandbox_is_rs256_is_not_announced(world: OidcWorld) -> None:
    world.server.clients._sandbox = False
    announced = world.client().get(f"{ISSUER}/.well-known/openid-configuration").json()
    assert announced["id_token_signing_alg_values_supported"] == ["ES256"]
