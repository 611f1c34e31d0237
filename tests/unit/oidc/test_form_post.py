"""OAuth 2.0 Form Post Response Mode: the answer as a page that posts itself, or is posted by its button."""

import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import urlencode

import httpx
import pytest

from broker.core.authorization import digest
from broker.core.client import Authentication, Profile
from broker.oidc.server import LANGUAGES
from tests.support.html_forms import forms_of
from tests.support.oidc_agency import CALLBACK, Agency
from tests.support.oidc_world import ISSUER, OidcWorld


@pytest.fixture
def basic(world: OidcWorld) -> Agency:
    made = Agency(
        world, profile=Profile.OIDC_BASIC, auth=Authentication.CLIENT_SECRET_POST, secret_hash=digest("secret"),
        scopes=frozenset({"openid"}),
    )  # fmt: skip
    made.log_in()
    return made


def asked(agency: Agency, **change: str) -> httpx.Response:
    query = urlencode(agency.request(response_mode="form_post", **change))
    return agency.browser.get(f"{ISSUER}/oauth/authorize?{query}")


def test_the_code_is_posted_and_nothing_is_in_an_address(basic: Agency) -> None:
    page = asked(basic, state='"><b>s')
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    [form] = forms_of(page)
    assert (form.method, form.action) == ("post", CALLBACK)
    told = dict(form.fields)
    assert told.keys() == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ('"><b>s', ISSUER)
    assert basic.redeem(told["code"])["id_token"]


def test_its_policy_lets_its_one_script_run_and_no_other(basic: Agency) -> None:
    page = asked(basic)
    [script] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    policy = page.headers["content-security-policy"]
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "<button" in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_four_languages(basic: Agency, language: str) -> None:
    assert f'<html lang="{language}">' in asked(basic, ui_locales=language).text


@pytest.mark.parametrize("change", [{"max_age": "-1"}, {"prompt": "sometimes"}])
def test_a_refusal_is_posted_too(basic: Agency, change: dict[str, str]) -> None:
    [form] = forms_of(asked(basic, **change))
    told = dict(form.fields)
    assert (told["state"], told["iss"]) == ("s", ISSUER)
    assert told["error"].startswith("invalid_")


def test_nobody_is_logged_in_and_the_refusal_is_posted(basic: Agency) -> None:
    basic.browser.cookies.clear()
    [form] = forms_of(asked(basic, prompt="none"))
    assert dict(form.fields)["error"] == "login_required"


def test_an_agency_is_answered_in_the_query(world: OidcWorld) -> None:
    agency = Agency(world)
    assert agency.push(response_mode="form_post").json()["error"] == "invalid_request"
    assert agency.push(response_mode="query").status_code == 201
    announced = agency.api.get(f"{ISSUER}/.well-known/openid-configuration").json()
    assert announced["response_modes_supported"] == ["query", "form_post"]
