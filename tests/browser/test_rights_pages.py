"""Pages on people's rights in a real browser: WCAG 2.2 AA as far as axe-core can tell, on a narrow screen."""

from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Route, sync_playwright
from starlette.testclient import TestClient

from broker.core.purpose import E_CHANNEL
from broker.flows.open_incident import open_incident
from broker.stores.database import Database
from tests.api.test_rights_incidents import _statement
from tests.browser.conftest import SWITCHES
from tests.browser.test_authorization_pages import accessible
from tests.support.broker_world import ZONE
from tests.support.rights import arrive
from tests.support.web_world import ISSUER, WebWorld

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

PATHS = ("", "/log", "/export", "/corrections", "/requests", "/notices", "/guardians", "/erasure")


def _busy(web: WebWorld) -> UUID:
    """Somebody with a release, a refusal and an incident in their log."""
    traveller = web.world.ready(offline=True)
    minted = web.world.one_pass(traveller)
    lane = web.world.lane()
    web.world.release(lane.request(web.world.phone.code(minted, web.now()), web.now())[1])
    with web.world.begin() as work:
        standing = work.consents.standing(traveller, E_CHANNEL, ZONE)
        open_incident(
            work,
            _statement(gate=lane.gate.gate_id),
            keys=web.keys,
            opened_by="op",
            at=web.now(),
            entropy=web.world.entropy,
        )
    assert standing is not None
    again = web.world.one_pass(traveller)
    late = lane.request(web.world.phone.code(again, web.now()), web.now())[1]
    web.world.withdraw(traveller, standing.consent_id)
    web.world.release(late)
    return traveller


def test_every_page_is_accessible_on_a_narrow_screen(chromium: str, database: Database, tmp_path: Path) -> None:
    web = WebWorld(database, tmp_path)
    traveller = _busy(web)
    with web.client() as http, sync_playwright() as playwright:
        person = arrive(web, http, traveller)
        form = person.form(person.get("/rights/corrections"), "/rights/corrections")
        person.send(form, claim="birth_date", words="It is the third")
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=[*SWITCHES])
        for language in ("en", "zh-Hant"):
            page = browser.new_context(viewport={"width": 320, "height": 800}).new_page()
            page.route("**/*", lambda route: _answer(route, http))
            for path in PATHS:
                page.goto(f"{ISSUER}/rights{path}?lang={language}")
                accessible(page)
        browser.close()
    web.keys.close()


def _answer(route: Route, http: TestClient) -> None:
    request = route.request
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    answer = http.request(request.method, request.url, headers=headers)
    route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.content)
