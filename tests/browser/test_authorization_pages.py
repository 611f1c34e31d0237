"""The partners' consent pages in a real browser: WCAG 2.2 AA as far as axe-core can tell, narrow screens, the keyboard
alone, and without JavaScript.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from starlette.testclient import TestClient

from broker.core.zone import LANGUAGES
from broker.oidc.client import Clients
from broker.stores.database import Database
from broker.web.messages import catalogue
from tests.api.test_authorization_consent import PATH, Pages
from tests.browser.conftest import SWITCHES
from tests.browser.test_wallet_journey import AXE, WCAG
from tests.support.partner_world import PartnerWorld, client_of, opening
from tests.support.web_world import ISSUER, WebWorld

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

# A release with everything a page can show: across a border, sensitive, optional claims, a choice of days.
ASKED = opening("name", "document_number", optional=["birthdate", "resident_of:CN,HK,MO"])


@dataclass
class Screen:
    """A browser of the person's, whose requests the application answers in this process."""

    browser: Browser
    pages: Pages

    def open(self, path: str = PATH, *, script: bool = True, width: int = 390, dark: bool = False) -> Page:
        context = self.browser.new_context(
            java_script_enabled=script,
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
        )
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.route("**/*", self._answer)
        page.goto(ISSUER + path)
        return page

    def _answer(self, route: Route) -> None:
        """Redirects are followed here: a browser would take them past the interception."""
        request, http = route.request, self.pages.http
        headers = {name: value for name, value in request.headers.items() if name != "cookie"}
        answer = http.request(request.method, request.url, headers=headers, content=request.post_data_buffer or b"")
        while answer.status_code == 303 and urlsplit(answer.headers["location"]).path == PATH:
            answer = http.get(answer.headers["location"])
        if answer.status_code == 303:
            route.fulfill(status=200, body=f"over: {answer.headers['location']}", content_type="text/plain")
        else:
            route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.content)


@pytest.fixture
def screen(chromium: str, database: Database, tmp_path: Path) -> Iterator[Screen]:
    web = WebWorld(database, tmp_path)
    agency = PartnerWorld(web.world, jurisdiction="CN")
    client = client_of(web.world)
    web.ports = replace(web.ports, authorization=replace(web.server, clients=Clients({client.client_id: client})))
    person = web.world.link().traveller
    with web.client() as http, sync_playwright() as playwright:
        http.cookies.update(web.session(person))
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=[*SWITCHES])
        assert isinstance(http, TestClient)
        pages = Pages(web, http, agency, person, client)
        pages.wait_for(ASKED)
        yield Screen(browser, pages)
        browser.close()
    web.keys.close()


def accessible(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
    assert [(found["id"], [node["html"] for node in found["nodes"]]) for found in report["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the side"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_and_its_errors_are_accessible(screen: Screen, language: str) -> None:
    words = catalogue(language)["authorization"]
    page = screen.open(f"{PATH}?lang={language}")
    accessible(page)
    page.get_by_role("button", name=words["agree"], exact=True).click()
    expect(page.get_by_role("alert")).to_have_text(words["not_ticked"])
    accessible(page)


def test_it_reflows_and_has_a_dark_dress(screen: Screen) -> None:
    accessible(screen.open(width=320))  # WCAG 1.4.10
    accessible(screen.open(dark=True))


def test_the_keyboard_is_enough_and_focus_is_seen(screen: Screen) -> None:
    page = screen.open()
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.href || ''"))
        if page.evaluate("document.activeElement.value") == "refuse":
            break
    for name in ("claim:birthdate", "days", "abroad", "sensitive", "agree", "decision"):
        assert name in reached
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("over: ")
    assert not screen.pages.consents()


def test_without_javascript_everything_works(screen: Screen) -> None:
    words = catalogue("en")["authorization"]
    page = screen.open(script=False)
    assert page.locator("input:checked").count() == 0
    page.locator("input[name='claim:birthdate']").check()
    page.locator("input[name='agree']").check()
    page.get_by_role("button", name=words["agree"], exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    # What was ticked stays ticked, what was not is marked.
    expect(page.locator("input[name='claim:birthdate']")).to_be_checked()
    expect(page.locator("input[aria-invalid='true']")).to_have_count(2)
    page.locator("input[name='abroad']").check()
    page.locator("input[name='sensitive']").check()
    page.get_by_role("button", name=words["agree"], exact=True).click()
    expect(page.locator("body")).to_contain_text(f"over: {ISSUER}/oauth/continue/")
    (record,) = screen.pages.consents()
    assert record.categories == {"name", "document_number", "birthdate"}


def test_both_decisions_are_as_easy_to_see_and_to_hit(screen: Screen) -> None:
    page = screen.open()
    boxes = [page.locator(f"button[value='{value}']").bounding_box() for value in ("agree", "refuse")]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
    assert min(boxes[0]["width"], boxes[0]["height"]) >= 24  # WCAG 2.5.8
