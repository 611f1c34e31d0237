"""The mock providers are as strict as real ones, and their people are who they say."""

from pathlib import Path

import httpx
import pytest

from connectors.documents import hkid_number, macau_number, prc_number
from connectors.mock_idps.dialect import DIALECTS
from connectors.mock_idps.people import PeopleError, load_people
from tests.support.html_forms import forms_of
from tests.unit.connectors.conftest import Bench

GOOD = {
    "response_type": "code",
    "client_id": "tongguan",
    "scope": "openid",
    "state": "s",
    "nonce": "n",
    "code_challenge": "A" * 43,
    "code_challenge_method": "S256",
}


def _ask(bench: Bench, **change: str) -> httpx.Response:
    query = {**GOOD, "redirect_uri": bench.callback, **change}
    params = {name: value for name, value in query.items() if value}
    return bench.browser.get(f"http://{bench.name}.test/authorize", params=params)


def test_numbers_pass_their_check_characters(tmp_path: Path) -> None:
    for person in load_people("ctid", portraits=tmp_path).values():
        assert prc_number(person.record["gMSFZHM"])
    for person in load_people("iamsmart", portraits=tmp_path).values():
        assert hkid_number(person.record["idNo"]["Identification"], person.record["idNo"]["CheckDigit"])
    for person in load_people("macau", portraits=tmp_path).values():
        assert macau_number(person.record["numero_bir"])


def test_every_scope_is_explained_in_every_language_of_the_provider() -> None:
    for dialect in DIALECTS.values():
        languages = set(dialect.languages.values())
        assert languages <= set(dialect.title)
        for scope in dialect.scopes:
            assert languages <= set(scope.meaning)


def test_a_good_request_shows_the_people(bench: Bench) -> None:
    page = _ask(bench)
    assert page.status_code == 200
    for person in bench.provider.people:
        assert person in page.text
    assert "<script" not in page.text


def test_nothing_is_ticked_beforehand(bench: Bench) -> None:
    bench.code(share=[])
    page = _ask(bench, scope="openid " + " ".join(scope.name for scope in bench.provider.dialect.scopes))
    person = next(iter(bench.provider.people))
    form = forms_of(page)[0]
    consent = bench.browser.post(
        f"http://{bench.name}.test/authorize/person", data={**dict(form.fields), "person": person}
    )
    (asked,) = forms_of(consent)
    assert len(asked.checkboxes) == len(bench.provider.dialect.scopes)
    assert asked.ticked == []


@pytest.mark.parametrize(
    "change", [{"client_id": "x"}, {"redirect_uri": "http://broker.test/other"}, {"redirect_uri": ""}]
)
def test_bad_client_or_redirect_is_not_redirected(bench: Bench, change: dict[str, str]) -> None:
    assert _ask(bench, **change).status_code == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_other_mistakes_are_redirected(bench: Bench, change: dict[str, str], error: str) -> None:
    response = _ask(bench, **change)
    assert response.status_code == 303
    assert f"error={error}&state=s" in response.headers["location"]


def test_a_decision_must_come_from_the_browser_that_was_asked(bench: Bench) -> None:
    form = forms_of(_ask(bench))[0]
    stranger = httpx.Client(transport=bench.spoiler)
    person = next(iter(bench.provider.people))
    url = f"http://{bench.name}.test/authorize/person"
    assert stranger.post(url, data={**dict(form.fields), "person": person}).status_code == 400


def test_client_authentication_by_the_registered_method_only(bench: Bench) -> None:
    form = {"grant_type": "authorization_code", "code": "x"}
    post = {"client_id": "tongguan", "client_secret": "the secret: ü %+&"}
    url = f"http://{bench.name}.test/token"
    by_post = bench.browser.post(url, data=form | post).json()["error"]
    by_header = bench.browser.post(url, data=form, auth=("tongguan", "wrong")).json()["error"]
    expected = bench.provider.dialect.authentication
    assert by_post == ("invalid_grant" if expected == "client_secret_post" else "invalid_client")
    assert by_header == "invalid_client"


def test_user_information_needs_the_token(bench: Bench) -> None:
    assert bench.browser.get(f"http://{bench.name}.test/userinfo").status_code == 401


@pytest.mark.parametrize("text", ["not toml [", "", 'x = "y"', "[x]\nlabel = 7"])
def test_broken_people_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "people.toml"
    path.write_text(text)
    with pytest.raises(PeopleError):
        load_people("ctid", portraits=tmp_path, people=path)
