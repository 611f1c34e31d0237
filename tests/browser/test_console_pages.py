"""The regulator's console in a real browser: WCAG 2.2 AA as far as axe-core can tell, on a desk and on a phone, without
JavaScript of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, sync_playwright
from starlette.testclient import TestClient

from broker.core.sample import SampleState
from broker.core.staff import Role
from broker.stores.database import Database
from tests.browser.conftest import SWITCHES
from tests.browser.test_authorization_pages import accessible
from tests.support.console_world import furnish
from tests.support.staff import sign_in
from tests.support.web_world import ISSUER, WebWorld

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

# Every page once; on the phone, and in the dark dress, one of each make.
PAGES = ("", "/flows", "/bands", "/counters", "/samples", "/changes", "/alarms", "/journal")
ON_A_PHONE = ("", "/counters")


@pytest.fixture
def console(chromium: str, database: Database, tmp_path: Path) -> Iterator[tuple[Browser, TestClient, str]]:
    web = WebWorld(database, tmp_path)
    furnish(web, database, days=2)
    with web.client() as http, sync_playwright() as playwright:
        sign_in(http, Role.AUDITOR)
        with web.world.begin() as work:
            (waiting,) = work.samples.listed(states=(SampleState.WAITING,), limit=1)
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=[*SWITCHES])
        yield browser, http, f"/samples/{waiting.release.hex()}"
        browser.close()
    web.keys.close()


def test_every_page_is_accessible_at_every_width(console: tuple[Browser, TestClient, str]) -> None:
    browser, http, sample = console

    def answer(route: Route) -> None:
        """From the application, with the cookies of the client that is signed in."""
        request = route.request
        headers = {name: value for name, value in request.headers.items() if name != "cookie"}
        content = request.post_data_buffer or b""
        got = http.request(request.method, request.url, headers=headers, content=content, follow_redirects=True)
        route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.content)

    for width, paths in ((1280, PAGES), (320, ON_A_PHONE)):
        dress = "light" if width == 1280 else "dark"
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=dress)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.route("**/*", answer)
        for path in (*paths, sample):
            page.goto(f"{ISSUER}/console{path}")
            assert page.locator("h1").count() == 1, path
            assert page.locator("script").count() == 0, path
            accessible(page)
        if width == 1280:
            page.get_by_role("button", name="Take this release").press("Enter")
            page.get_by_role("heading", name="Your finding").wait_for()
            accessible(page)
        context.close()
