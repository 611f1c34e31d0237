"""One person at two providers, in the providers' own dialects and with real processes."""

from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.html_forms import Form, forms_of, submit
from tests.support.logins import log_in
from tests.support.provider_pages import WALKS, Choice
from tests.support.stage import PROVIDERS, Stage


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as made:
        yield made


def _through(browser: httpx.Client, left: httpx.Response, provider: str, person: str) -> httpx.Response:
    first = browser.get(left.headers["location"])
    back = WALKS[provider](browser, first, Choice(person))
    return browser.get(urljoin(str(back.url), back.headers["location"]))


def _log_in(browser: httpx.Client, stage: Stage, provider: str, person: str) -> httpx.Response:
    form = {"return_to": "/identities", "lang": "en"}
    left = browser.post(f"{stage.broker_url}/login/{provider}", data=form)
    return _through(browser, left, provider, person)


def _page(browser: httpx.Client, stage: Stage) -> httpx.Response:
    page = browser.get(f"{stage.broker_url}/identities?lang=en")
    assert page.status_code == 200
    return page


def _form(page: httpx.Response, action: str, value: str = "") -> Form:
    return next(
        form for form in forms_of(page) if form.action == action and (not value or ("provider", value) in form.fields)
    )


def test_a_person_adds_and_unlinks_a_second_identity(stage: Stage, browser: httpx.Client) -> None:
    assert _log_in(browser, stage, "ctid", "ctid-wang").headers["location"] == "/identities"
    page = _page(browser, stage)
    left = submit(browser, page, _form(page, "/identities/add", "macau"))
    back = _through(browser, left, "macau", "macau-wang")
    assert back.headers["location"].startswith("/identities"), back.text
    assert "Unlink Macau One Account" in _page(browser, stage).text
    assert log_in(stage.broker_url, "macau", "macau-wang").succeeded
    page = _page(browser, stage)
    second = [form for form in forms_of(page) if form.action == "/identities/unlink"][1]
    assert submit(browser, page, second).status_code == 303
    held = log_in(stage.broker_url, "macau", "macau-wang")
    assert held.page is not None
    assert "already use Tongguan through another identity app" in held.page.text


def test_another_birth_date_waits_for_an_officer_who_settles_it(stage: Stage) -> None:
    assert log_in(stage.broker_url, "iamsmart", "iamsmart-wong").succeeded
    held = log_in(stage.broker_url, "macau", "macau-wong")
    assert held.page is not None
    assert "birth date" in held.page.text
    waiting = [line for line in stage.run("identities", "held", "--home", stage.broker_home).splitlines() if line]
    (found,) = [line for line in waiting if "birth_date" in line]
    decision = ("--officer", "A. Silva", "--same-person", "--home", str(stage.broker_home))
    assert "linked: macau" in stage.run("identities", "settle", found.split()[0], *decision)
    assert log_in(stage.broker_url, "macau", "macau-wong").succeeded


def test_how_the_providers_are(stage: Stage) -> None:
    told = stage.run("identities", "status", "--home", stage.broker_home)
    assert sorted(line.split()[0] for line in told.splitlines()) == sorted(PROVIDERS)
    assert "closed" in told
