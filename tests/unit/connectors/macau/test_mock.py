"""The mock is as strict as a real provider: what it refuses, and what its pages do not do."""

from pathlib import Path

import httpx
import pytest

from connectors.mock_idps.macau.accounts import FIELDS
from connectors.mock_idps.macau.state import LANGUAGES
from tests.support.html_forms import form_with, forms_of, submit
from tests.support.macau_world import ISSUER, MacauWorld, macau_world


def _consent(macau: MacauWorld, browser: httpx.Client, language: str = "en") -> httpx.Response:
    """The last page of a login."""
    page = browser.get(macau.connector.begin(macau.start(language=language)).url)
    page = submit(browser, page, form_with(page, "person", "macau-sousa"), press=("person", "macau-sousa"))
    return submit(browser, page, form_with(page, "eid", "rosto"), press=("eid", "rosto"))


def test_nothing_is_ticked_beforehand_and_no_page_has_a_script(macau: MacauWorld) -> None:
    page = _consent(macau, macau.browser())
    form = form_with(page, "decision", "allow")
    assert form.ticked == []
    assert [value for name, value in form.checkboxes if name == "departamento"] == ["tongguan", "dsf", "ssm", "dsal"]
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("ours", "theirs"), [("zh-Hant", "zh-Hant"), ("zh-Hans", "zh-Hant"), ("pt", "pt"), ("en", "en")]
)
def test_pages_come_in_the_languages_of_macau(macau: MacauWorld, ours: str, theirs: str) -> None:
    assert f'<html lang="{theirs}">' in _consent(macau, macau.browser(), ours).text


def test_every_field_has_words_in_every_language(macau: MacauWorld) -> None:
    for language in LANGUAGES:
        for field in FIELDS:
            assert macau.world.pages.text(f"field_{field}", language)


def test_a_step_must_come_from_the_browser_that_was_asked(macau: MacauWorld) -> None:
    page = _consent(macau, macau.browser())
    form = form_with(page, "decision", "allow")
    assert submit(macau.browser(), page, form, press=("decision", "allow")).status_code == 400


def test_a_step_is_taken_once(macau: MacauWorld) -> None:
    browser = macau.browser()
    page = _consent(macau, browser)
    form = form_with(page, "decision", "allow")
    assert submit(browser, page, form, press=("decision", "allow")).status_code == 303
    assert submit(browser, page, form, press=("decision", "allow")).status_code == 400


def test_a_request_that_was_not_pushed_is_not_redirected(macau: MacauWorld) -> None:
    query = {
        "client_id": "tongguan",
        "response_type": "code",
        "redirect_uri": "http://broker.test/login/macau/callback",
    }
    answer = macau.browser().get(f"{ISSUER}/authorize", params=query)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_pushed_request_lives_a_minute(macau: MacauWorld) -> None:
    begun = macau.connector.begin(macau.start())
    macau.clock.forward(seconds=61)
    assert macau.browser().get(begun.url).status_code == 400


def test_client_authentication_by_the_registered_method_only(macau: MacauWorld) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "tongguan", "client_secret": "the secret"}
    for path in ("/par", "/token"):
        answer = macau.browser().post(ISSUER + path, data=form)
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_the_packet_needs_a_live_token(macau: MacauWorld) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
        assert macau.browser().post(f"{ISSUER}/packet", headers=headers).status_code == 401


def test_a_client_that_is_no_registered_department_gets_nowhere(tmp_path: Path) -> None:
    with macau_world(tmp_path) as macau:
        del macau.world.departments["tongguan"]
        answer = macau.browser().post(
            f"{ISSUER}/par",
            data={
                "client_id": "tongguan",
                "redirect_uri": "http://broker.test/login/macau/callback",
                "response_type": "code",
                "scope": "openid conta",
                "state": "s",
                "nonce": "n",
                "code_challenge": "A" * 43,
                "code_challenge_method": "S256",
                "authorization_details": '[{"type": "urn:mo:conta-unica:pacote", "campos": ["nome"], '
                '"departamentos": ["tongguan"], "finalidade": "x", "conta": "pessoal"}]',
            },
            auth=("tongguan", "the+secret%3A+%C3%BC+%25%2B%26"),
        )
        assert answer.json() == {"error": "departamento_nao_registado"}


def test_everybody_is_offered(macau: MacauWorld) -> None:
    browser = macau.browser()
    page = browser.get(macau.connector.begin(macau.start()).url)
    offered = {value for name, value in forms_of(page)[0].buttons if name == "person"}
    assert offered == set(macau.world.people)
