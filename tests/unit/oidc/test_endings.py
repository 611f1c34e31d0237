"""What ends a grant at the authorization server's own endpoints is told to the partner that held it."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from broker.core.authorization import digest
from broker.core.client import Authentication, Profile
from tests.support.html_forms import form_with, submit
from tests.support.oidc_agency import CALLBACK, VERIFIER, Agency
from tests.support.oidc_world import ISSUER, OidcWorld


@pytest.fixture
def agency(world: OidcWorld) -> Agency:
    return Agency(world)


def told(agency: Agency) -> list[tuple[str, str]]:
    return [(event.name, event.body["reason"]) for event in agency.world.events.of("agency", state=None, limit=9)]


def test_a_logout_in_the_browser(agency: Agency) -> None:
    agency.tokens()
    page = agency.browser.get(f"{ISSUER}/oauth/logout?{urlencode({'client_id': 'agency-web'})}")
    submit(agency.browser, page, form_with(page, "decision", "logout"), press=("decision", "logout"))
    assert told(agency) == [("session.revoked", "logout")]


def test_the_wallets_sign_out_ends_what_its_sessions_carried(agency: Agency) -> None:
    wallet = agency.world.logged_in()
    agency.browser = wallet.browser
    agency.redeem(agency.authorize()["code"])
    lasting = agency.redeem(agency.authorize(scope="openid offline_access")["code"])
    wallet.logout()
    assert told(agency) == [("session.revoked", "logout")]
    assert agency.userinfo(lasting["access_token"]).status_code == 200


def test_somebody_else_logs_in_in_that_browser(agency: Agency) -> None:
    wallet = agency.world.logged_in()
    agency.browser = wallet.browser
    agency.redeem(agency.authorize()["code"])
    agency.world.clock.forward(seconds=1)
    wallet.login("macau", "macau-chan", prompt="login")
    assert told(agency) == [("session.revoked", "replaced")]


def test_the_same_person_logging_in_again_ends_nothing(agency: Agency) -> None:
    wallet = agency.world.logged_in()
    agency.browser = wallet.browser
    agency.redeem(agency.authorize()["code"])
    agency.world.clock.forward(seconds=1)
    wallet.login("iamsmart", "iamsmart-chan", prompt="login")
    assert told(agency) == []


def test_the_client_revokes_its_token(agency: Agency) -> None:
    assert agency.revoke(agency.tokens()["refresh_token"]).status_code == 200
    assert told(agency) == [("grant.revoked", "returned")]


def test_a_code_used_twice(agency: Agency) -> None:
    agency.log_in()
    code = agency.authorize()["code"]
    agency.redeem(code)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    for _ in range(2):
        assert agency.token(**form).json()["error"] == "invalid_grant"
    assert told(agency) == [("grant.revoked", "reuse")]


def test_a_rotated_refresh_token_used_twice(world: OidcWorld) -> None:
    agency = Agency(
        world, profile=Profile.OIDC_BASIC, auth=Authentication.CLIENT_SECRET_POST, secret_hash=digest("secret"),
        scopes=frozenset({"openid"}),
    )  # fmt: skip
    first = agency.tokens()["refresh_token"]
    for status in (200, 400, 400):
        assert agency.token(grant_type="refresh_token", refresh_token=first).status_code == status
    assert told(agency) == [("grant.revoked", "reuse")]


def test_a_code_dies_with_the_session_it_came_from(agency: Agency) -> None:
    """A logout between the code and its redemption founds no grant."""
    agency.log_in()
    code = agency.authorize()["code"]
    page = agency.browser.get(f"{ISSUER}/oauth/logout?{urlencode({'client_id': 'agency-web'})}")
    submit(agency.browser, page, form_with(page, "decision", "logout"), press=("decision", "logout"))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert agency.token(**form).json()["error"] == "invalid_grant"


def test_a_client_of_nobody_is_told_nothing(agency: Agency) -> None:
    agency.memory.keep_client(replace(agency.client, client_id="lone", partner_id=None))
    lone = Agency(agency.world, "lone", partner_id=None, profile=Profile.OIDC_BASIC, scopes=frozenset({"openid"}))
    lone.revoke(lone.tokens()["refresh_token"])
    assert agency.world.events.events == {}
