"""What userinfo tells somebody whose token it does not take: the schemes of RFC 9449 7.1 and RFC 6750 3."""

import pytest

from broker.core.authorization import digest
from broker.core.client import Authentication, Profile
from tests.support.oidc_agency import Agency
from tests.support.oidc_world import ISSUER, OidcWorld

USERINFO = f"{ISSUER}/oauth/userinfo"


def challenge(world: OidcWorld, status: int = 401, **headers: str) -> str:
    answer = world.client().get(USERINFO, headers=headers)
    assert answer.status_code == status
    return str(answer.headers["www-authenticate"])


def test_both_schemes_are_offered_where_clients_have_bearer_tokens(world: OidcWorld) -> None:
    offered = challenge(world)
    assert offered.startswith("DPoP algs=")
    assert offered.endswith(", Bearer")
    refused = challenge(world, Authorization="Bearer x")
    dpop, bearer = refused.split(", Bearer ")
    assert dpop.startswith('DPoP error="invalid_token", ')
    assert bearer == 'error="invalid_token", error_description="the access token does not verify"'


def test_where_nobody_has_bearer_tokens_dpop_alone(world: OidcWorld) -> None:
    world.server.clients._sandbox = False
    for headers in ({}, {"Authorization": "Bearer x"}):
        assert "Bearer" not in challenge(world, **headers)


def test_a_bearer_client_whose_grant_ended_is_told_by_its_own_scheme(world: OidcWorld) -> None:
    agency = Agency(
        world, profile=Profile.OIDC_BASIC, auth=Authentication.CLIENT_SECRET_POST, secret_hash=digest("secret"),
        scopes=frozenset({"openid"}),
    )  # fmt: skip
    agency.log_in()
    form = {
        "grant_type": "authorization_code", "code": agency.authorize()["code"],
        "redirect_uri": "https://agency.example/callback", "code_verifier": "v" * 43,
    }  # fmt: skip
    tokens = agency.api.post(f"{ISSUER}/oauth/token", data=form | agency.credentials()).json()
    assert tokens["token_type"] == "Bearer"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert agency.api.get(USERINFO, headers=headers).status_code == 200
    agency.revoke(tokens["refresh_token"])
    assert 'Bearer error="invalid_token"' in challenge(world, **headers)


@pytest.mark.parametrize("proof", [{}, {"DPoP": "x"}])
def test_somebody_who_uses_dpop_is_answered_in_dpop(world: OidcWorld, proof: dict[str, str]) -> None:
    token = Agency(world).tokens()["access_token"]
    assert "Bearer" not in challenge(world, Authorization=f"DPoP {token}", **proof)
