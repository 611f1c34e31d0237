"""A traveller's whole way through the wallet in a real browser: log in, agree, enrol, show the code, withdraw."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
import zxingcpp
from playwright.sync_api import BrowserContext, Page, expect

from broker.stores.signing_keys import SigningKeys
from broker.wire import device_proof, status_list, travel_pass, trust_list
from broker.wire.errors import VerifyError
from broker.wire.qr_payload import TravelQr, parse_qr
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import TravelPass
from broker.wire.trust_list import TrustList
from tests.browser.conftest import PERSON
from tests.support.photos import ANOTHER_PERSON, photo
from tests.support.stage import Stage
from wallet_app.app import DIST

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]

ZONE = "HK-SZB"
AXE = DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def test_the_whole_journey(phone: BrowserContext, stage: Stage, tmp_path: Path) -> None:
    page = phone.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Security Policy" in message.text else None)

    page.goto(stage.wallet_url)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    accessible(page)
    log_in(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("陳示範")
    accessible(page)

    enrol(page, tmp_path)

    # An online pass: the consent it lacks, then the code.
    page.get_by_role("link", name="Passes", exact=True).click()
    accessible(page)
    page.get_by_role("button", name="Read and decide").click()
    agree(page)
    page.get_by_role("button", name="Get pass").click()
    online = shown(page, stage)
    assert online.sealed_template is None
    accessible(page)

    # The code renews itself: same pass, next window, new proof.
    before = page.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    page.wait_for_function("before => document.querySelector('canvas').toDataURL() !== before", arg=before)
    renewed = shown(page, stage)
    assert (renewed.pass_bytes, renewed.counter) == (online.pass_bytes, online.counter + 1)

    # A phone whose clock is two minutes fast: proofs follow the broker's clock, and the screen says so.
    page.clock.install(time=datetime.now(UTC) + timedelta(minutes=2))
    page.get_by_role("link", name="Close").click()
    page.get_by_role("button", name="Get pass").click()
    expect(page.get_by_text("The code follows the border’s time.")).to_be_visible()
    shown(page, stage)
    page.clock.set_system_time(datetime.now(UTC))

    # Two passes that carry the template; the wallet shows one with no network at all, after a fresh start of the page.
    page.get_by_role("link", name="Close").click()
    page.get_by_label("Works without network").check()
    page.get_by_role("button", name="Read and decide").click()
    agree(page)
    page.get_by_label("Works without network").check()
    page.get_by_label("How many crossings").select_option("2")
    page.get_by_role("button", name="Get pass").click()
    expect(page.locator("li.pass")).to_have_count(4)
    page.locator("li.pass").last.get_by_role("link").click()
    expect(page.locator("canvas")).to_be_visible()
    phone.set_offline(True)
    page.reload()
    offline = shown(page, stage)
    assert offline.sealed_template is not None
    phone.set_offline(False)
    only_the_shell_is_kept(page)

    # Withdrawing: told when the last gate stops, passes gone here and revoked there.
    page.goto(f"{stage.wallet_url}/consents")
    accessible(page)
    page.get_by_role("button", name=re.compile("Withdraw: Use the contactless lane")).click()
    accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status")).to_contain_text("one that is cut off stops by")
    expect(page.get_by_text("Ended", exact=True)).to_be_visible()
    for code in (online, offline):
        with pytest.raises(VerifyError) as refusal:
            judge(stage, verify(stage, code))
        assert refusal.value.reason is Reason.REVOKED
    page.get_by_role("link", name="Passes", exact=True).click()
    expect(page.get_by_text("No pass on this phone yet.")).to_be_visible()

    # The person sees what was done, in their language.
    page.get_by_label("Language").select_option("zh-Hant")
    page.get_by_role("link", name="使用紀錄").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    expect(page.locator(".log li").first).to_contain_text("撤回同意")
    for event in ("給予同意", "登記臉容", "製作通行碼", "已連結身分"):
        expect(page.locator(".log")).to_contain_text(event)
    accessible(page)

    # Signing out leaves nothing but the note that the next login must ask who is there.
    page.get_by_role("link", name="主頁").click()
    page.get_by_role("button", name="登出").click()
    expect(page.get_by_role("button", name="登入")).to_be_visible()
    nothing = dict.fromkeys(("keys", "session", "logins", "device_keys", "passes", "names"), 0)
    assert counts(page) == {**nothing, "signed_out": 1}

    # Erasing everything ends on the certificate, whose address is told this once.
    page.get_by_label("語言").select_option("en")
    log_in(page)
    page.get_by_role("button", name="Erase everything").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase everything").click()
    expect(page).to_have_url(re.compile(re.escape(stage.broker_url) + "/rights/certificates/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Certificate of erasure")
    accessible(page)
    assert complaints == []


def test_a_refusal_at_login_shares_nothing(phone: BrowserContext, stage: Stage) -> None:
    page = phone.new_page()
    page.goto(stage.wallet_url)
    page.get_by_role("button", name="Log in").click()
    page.locator("[data-provider=iamsmart]").click()
    page.get_by_role("button", name="Cancel").click()
    page.goto(stage.wallet_url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert counts(page)["session"] == 0


def test_an_address_without_a_login_behind_it_is_refused(phone: BrowserContext, stage: Stage) -> None:
    page = phone.new_page()
    page.goto(f"{stage.wallet_url}/callback?code=stolen&state=planted&iss={stage.broker_url}")
    expect(page.get_by_role("status")).to_have_text("The login could not be completed. Please start again.")
    assert "stolen" not in page.url


def log_in(page: Page) -> None:
    page.get_by_role("button", name="Log in").click()
    page.locator("[data-provider=iamsmart]").click()
    page.locator(f"button[value={PERSON}]").click()
    for scope in page.locator("input[name=scope]").all():
        scope.check()
    page.locator("button[value=allow]").click()


def agree(page: Page) -> None:
    """On the broker's consent page: nothing is ticked, and the way back leads to where the wallet was."""
    tick = page.locator("input[name=agree]")
    expect(tick).not_to_be_checked()
    tick.check()
    page.locator("button[name=decision][value=agree]").click()
    expect(page.get_by_role("status").filter(has_text="Your consent has been recorded")).to_be_visible()


def enrol(page: Page, folder: Path) -> None:
    """A picture without a face and another person's are refused in plain words; the camera's is accepted."""
    page.get_by_role("link", name=re.compile("Next step")).click()
    page.get_by_role("button", name="Read and decide").click()
    agree(page)
    accessible(page)
    grey = folder / "grey.png"
    cv2.imwrite(str(grey), np.full((600, 800, 3), 128, np.uint8))
    nothing = folder / "nothing.jpg"
    nothing.write_bytes(b"not a picture")
    for file, words in (
        (nothing, "cannot be read as a photograph"),
        (grey, "No face was found"),
        (photo(ANOTHER_PERSON), "does not match your authority’s portrait"),
    ):
        page.get_by_label("Choose a photograph").set_input_files(file)
        if file != nothing:
            page.get_by_role("button", name="Use this photograph").click()
        expect(page.get_by_role("alert")).to_contain_text(words, timeout=60_000)
        if file != nothing:
            page.get_by_role("button", name="Take another").click()
    page.get_by_role("button", name="Use camera").click()
    page.get_by_role("button", name="Take photograph").click()
    page.get_by_role("button", name="Use this photograph").click()
    expect(page.get_by_text("Your face is enrolled. The photograph has been deleted.")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Continue").click()


def shown(page: Page, stage: Stage) -> TravelQr:
    """What a gate makes of the screen: one code, a pass that verifies, and a device proof that is good now."""
    page.locator("canvas").wait_for()
    page.wait_for_function("document.querySelector('canvas').width > 0")
    at = datetime.now(UTC)
    screen = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    codes = zxingcpp.read_barcodes(screen, formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(codes) == 1, "the screen shows exactly one readable code"
    code = parse_qr(codes[0].text)
    device_proof.verify(code, verify(stage, code), at=at)
    return code


def trusted(stage: Stage, at: datetime) -> TrustList:
    root = SigningKeys.load(stage.broker_home / "keys").signer(KeyUse.ROOT).public
    raw = httpx.get(f"{stage.broker_url}/gates/v1/trust-list").raise_for_status().content
    return trust_list.verify(raw, root, at=at, highest_seen=0)


def verify(stage: Stage, code: TravelQr) -> TravelPass:
    """The gate's own check of the pass."""
    at = datetime.now(UTC)
    return travel_pass.verify(code.pass_bytes, trusted(stage, at), at=at, expected_zone=ZONE)


def judge(stage: Stage, verified: TravelPass) -> None:
    at = datetime.now(UTC)
    number = verified.claims.status_index // status_list.LIST_BITS
    raw = httpx.get(f"{stage.broker_url}/gates/v1/status-lists/{number}").raise_for_status().content
    status_list.judge(status_list.verify(raw, trusted(stage, at), at=at), verified, at=at)


def accessible(page: Page) -> None:
    """WCAG 2.2 AA as far as axe-core can tell, and the page fits the screen."""
    expect(page.locator(".loading")).to_have_count(0)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # Tall enough for the whole page: at some scroll position the bar at the foot covers half of any button.
    page.set_viewport_size({"width": 390, "height": 3000})
    report = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
    page.set_viewport_size({"width": 390, "height": 844})
    assert [(found["id"], [node["html"] for node in found["nodes"]]) for found in report["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the side"


def only_the_shell_is_kept(page: Page) -> None:
    kept = page.evaluate(
        """async () => {
          const urls = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
          return urls;
        }"""
    )
    shell = {"/index.html", "/config.json", "/icon.svg", "/manifest.webmanifest"}
    assert kept
    assert {path for path in kept if not path.startswith("/assets/")} == shell


def counts(page: Page) -> dict[str, int]:
    """Entries in each store of the wallet's database."""
    found: dict[str, int] = page.evaluate(
        """() => new Promise((resolve, reject) => {
          const opening = indexedDB.open("tongguan");
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = async () => {
            const database = opening.result;
            const names = [...database.objectStoreNames];
            const reading = database.transaction(names);
            const count = (name) => new Promise((done) => {
              const request = reading.objectStore(name).count();
              request.onsuccess = () => done([name, request.result]);
            });
            resolve(Object.fromEntries(await Promise.all(names.map(count))));
            database.close();
          };
        })"""
    )
    return found
