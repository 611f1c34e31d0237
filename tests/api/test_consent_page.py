"""The consent page: only the person themselves, on the broker's own page, with nothing decided for them."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS
from broker.web.messages import catalogue
from tests.support.web_world import ISSUER, RETURN, WALLET, WebWorld

LANGUAGES = ["zh-Hant", "zh-Hans", "en", "pt"]
PAGE = f"/consent?purpose=e-channel&zone=HK-SZB&traveller=person-1&return_to={RETURN}"


class Page(HTMLParser):
    """The parts of a page that the tests speak about."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def fields(self) -> dict[str, str]:
        """What a browser sends when nothing was touched."""
        fields = {}
        for field in self.all("input"):
            if field.get("type") == "hidden" or "checked" in field:
                fields[str(field["name"])] = field.get("value") or ""
        fields["days"] = next(str(option["value"]) for option in self.all("option") if "selected" in option)
        return fields


def _browser(web: WebWorld, http: TestClient, subject: str = "person-1") -> TestClient:
    """A browser in which that person is logged in; the wallet knows them by a pseudonym of the same name."""
    traveller = web.world.link(subject).traveller
    with web.storage.unit() as unit:
        unit.pairwise_subject(traveller, "tongguan-wallet", subject)
    http.cookies.update(web.session(traveller))
    return http


def _post(http: TestClient, fields: dict[str, Any], **headers: str) -> Any:
    return http.post("/consent", data=fields, headers=headers)


def test_a_browser_without_a_session_logs_in_first(http: TestClient) -> None:
    answer = http.get(PAGE + "&lang=pt")
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ISSUER}/login"
    query = parse_qs(address.query)
    assert query["lang"] == ["pt"]
    back = urlsplit(query["return_to"][0])
    assert back.path == "/consent"
    assert parse_qs(back.query) == {
        "purpose": ["e-channel"], "zone": ["HK-SZB"], "traveller": ["person-1"], "return_to": [RETURN], "lang": ["pt"],
    }  # fmt: skip


def test_a_pseudonym_that_a_partner_has_is_not_the_wallets(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.link("person-1").traveller
    with web.storage.unit() as unit:
        unit.pairwise_subject(traveller, "a-partner", "person-1")
    http.cookies.update(web.session(traveller))
    assert urlsplit(http.get(PAGE).headers["location"]).path == "/login"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_names_what_the_law_wants_named(web: WebWorld, http: TestClient, language: str) -> None:
    answer = _browser(web, http).get(f"{PAGE}&lang={language}")
    assert answer.status_code == 200
    notice = web.world.rulebook.notice(E_CHANNEL, "HK-SZB", language)
    for part in (notice.title, notice.recipient, notice.controller, notice.contact, notice.purpose, notice.method):
        assert part in answer.text
    for part in (notice.effect, notice.legal_basis):
        assert part in answer.text
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["content-language"] == language


@pytest.mark.parametrize("purpose", [FACE_ENROLMENT, E_CHANNEL, OFFLINE_PASS])
def test_nothing_is_ticked_and_the_shortest_time_is_offered(web: WebWorld, http: TestClient, purpose: str) -> None:
    zone = "" if purpose == FACE_ENROLMENT else "&zone=MO-HZB"
    page = Page(_browser(web, http).get(f"/consent?purpose={purpose}{zone}&traveller=person-1&return_to={RETURN}").text)
    boxes = [field for field in page.all("input") if field.get("type") == "checkbox"]
    assert len(boxes) == 1
    assert "checked" not in boxes[0]
    assert page.fields()["days"] == "30"
    assert not page.all("script")
    most = {FACE_ENROLMENT: "365", E_CHANNEL: "365", OFFLINE_PASS: "90"}[purpose]
    assert page.all("option")[-1]["value"] == most


def test_the_page_is_accessible(web: WebWorld, http: TestClient) -> None:
    """What a machine can check of WCAG 2.2: language, title, labels, landmarks, skip link, zoom."""
    html = _browser(web, http).get(PAGE).text
    page = Page(html)
    assert page.all("html")[0]["lang"] in LANGUAGES
    assert "user-scalable" not in html
    assert "maximum-scale" not in html
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert page.all("a")[0]["href"] == "#main"
    labelled = {label.get("for") for label in page.all("label")}
    assert all(field["id"] in labelled for field in page.all("select"))
    assert {link["lang"] for link in page.all("a") if "hreflang" in link} | {"en"} == set(LANGUAGES)


def test_agreeing_needs_the_tick(web: WebWorld, http: TestClient) -> None:
    browser = _browser(web, http)
    fields = Page(browser.get(PAGE).text).fields()
    again = _post(browser, {**fields, "days": "90", "decision": "agree"})
    assert again.status_code == 422
    assert 'role="alert"' in again.text
    assert Page(again.text).fields()["days"] == "90"
    with web.world.begin() as work:
        assert not work.consents.of(web.world.link().traveller)


@pytest.mark.parametrize("language", LANGUAGES)
def test_agreeing_gives_the_consent_that_was_shown(web: WebWorld, http: TestClient, language: str) -> None:
    browser = _browser(web, http)
    fields = Page(browser.get(f"{PAGE}&lang={language}").text).fields()
    answer = _post(browser, {**fields, "agree": "yes", "decision": "agree"}, origin=ISSUER)
    assert answer.status_code == 303
    consent_id = answer.headers["location"].removeprefix(f"{RETURN}?consent=")
    wallet = web.wallet(http, web.world.link().traveller)
    listed = wallet.get("/consents").json()["consents"]
    assert [(consent["consent_id"], consent["zone"], consent["status"]) for consent in listed] == [
        (consent_id, "HK-SZB", "active")
    ]
    with web.world.begin() as work:
        record, _ = work.consents.of(web.world.link().traveller)[0]
    assert record.notice == web.world.rulebook.notice(E_CHANNEL, "HK-SZB", language).reference()
    assert (record.valid_until - record.given_at).days == 30
    # The form sent twice (an impatient finger, a retry) is one consent.
    twice = _post(browser, {**fields, "agree": "yes", "decision": "agree"})
    assert twice.headers["location"] == answer.headers["location"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_changed_meanwhile_is_read_again(web: WebWorld, http: TestClient, language: str) -> None:
    browser = _browser(web, http)
    fields = Page(browser.get(f"{PAGE}&lang={language}").text).fields()
    for read in ({"notice": "00" * 32}, {}):
        sent = {name: value for name, value in fields.items() if name != "notice"} | read
        again = _post(browser, {**sent, "agree": "yes", "decision": "agree"})
        assert again.status_code == 422
        assert catalogue(language)["consent"]["changed"] in again.text
        assert "agree" not in Page(again.text).fields()
    with web.world.begin() as work:
        assert not work.consents.of(web.world.link().traveller)
    assert _post(browser, {**Page(again.text).fields(), "agree": "yes", "decision": "agree"}).status_code == 303


def test_form_bytes_that_are_no_text_are_the_senders_fault(web: WebWorld, http: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"purpose=\xff\xfe", b"purpose=%FF%FE", b"\x80"):
        assert _browser(web, http).post("/consent", content=body, headers=form).status_code == 400


def test_refusing_needs_no_tick_and_leaves_nothing(web: WebWorld, http: TestClient) -> None:
    browser = _browser(web, http)
    fields = Page(browser.get(PAGE).text).fields()
    answer = _post(browser, {**fields, "decision": "refuse"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{RETURN}?consent=denied")
    with web.world.begin() as work:
        assert not work.consents.of(web.world.link().traveller)


@pytest.mark.parametrize(
    "stranger",
    [
        "https://evil.example/consents",
        f"{RETURN}.evil.example",
        f"{WALLET}@evil.example/consents",
        f"{WALLET}/other",
        "//evil.example",
        "javascript:alert(1)",
        "",
        f"{RETURN}/../x",
    ],
)
def test_the_browser_is_never_sent_to_a_stranger(web: WebWorld, http: TestClient, stranger: str) -> None:
    browser = _browser(web, http)
    asked = {"purpose": "e-channel", "zone": "HK-SZB", "traveller": "person-1"}
    page = browser.get("/consent", params={**asked, "return_to": stranger})
    assert page.status_code == 400
    fields = Page(browser.get(PAGE).text).fields() | {"return_to": stranger, "decision": "refuse"}
    answer = _post(browser, fields)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_the_wallets_own_query_survives(web: WebWorld, http: TestClient) -> None:
    browser = _browser(web, http)
    asked = {"purpose": "e-channel", "zone": "HK-SZB", "traveller": "person-1"}
    page = browser.get("/consent", params={**asked, "return_to": f"{RETURN}?step=2"})
    answer = _post(browser, {**Page(page.text).fields(), "decision": "refuse"})
    assert answer.headers["location"] == f"{RETURN}?step=2&consent=denied"


@pytest.mark.parametrize("change", [{"csrf": "guess"}, {"csrf": ""}, {"csrf": None}])
def test_a_form_without_this_sessions_token_is_refused(
    web: WebWorld, http: TestClient, change: dict[str, str | None]
) -> None:
    browser = _browser(web, http)
    fields = {**Page(browser.get(PAGE).text).fields(), "agree": "yes", "decision": "agree", **change}
    answer = _post(browser, {name: value for name, value in fields.items() if value is not None})
    assert answer.status_code == 403
    with web.world.begin() as work:
        assert not work.consents.of(web.world.link().traveller)


def test_whoever_is_logged_in_must_be_the_person_the_wallet_asks_for(web: WebWorld, http: TestClient) -> None:
    """A shared phone: the wallet is person-1's, the broker's session is person-2's."""
    other = _browser(web, http, "person-2")
    page = other.get(PAGE)
    assert page.status_code == 303
    assert page.headers["location"].startswith(f"{ISSUER}/login?")
    own = Page(other.get(PAGE.replace("person-1", "person-2")).text).fields()
    for fields in ({**own, "traveller": "person-1"}, {**own, "traveller": ""}):
        assert _post(other, {**fields, "agree": "yes", "decision": "agree"}).status_code == 403
    with web.world.begin() as work:
        assert not work.consents.of(web.world.link("person-1").traveller)
        assert not work.consents.of(web.world.link("person-2").traveller)


def test_another_sessions_token_is_refused(web: WebWorld, http: TestClient) -> None:
    mine = Page(_browser(web, http).get(PAGE).text).fields()
    other = _browser(web, http, "person-2")
    assert _post(other, {**mine, "agree": "yes", "decision": "agree"}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_form_from_another_site_is_refused(web: WebWorld, http: TestClient, headers: dict[str, str]) -> None:
    browser = _browser(web, http)
    fields = {**Page(browser.get(PAGE).text).fields(), "agree": "yes", "decision": "agree"}
    assert _post(browser, fields, **headers).status_code == 403


@pytest.mark.parametrize(
    "change",
    [{"purpose": "marketing"}, {"zone": "XX"}, {"zone": ""}, {"days": "3650"}, {"days": "x"}, {"surprise": "1"}],
)
def test_hidden_fields_are_only_a_claim(web: WebWorld, http: TestClient, change: dict[str, str]) -> None:
    browser = _browser(web, http)
    fields = {**Page(browser.get(PAGE).text).fields(), "agree": "yes", "decision": "agree", **change}
    assert _post(browser, fields).status_code == 422
    with web.world.begin() as work:
        assert not work.consents.of(web.world.link().traveller)


def test_a_field_named_twice_is_refused(web: WebWorld, http: TestClient) -> None:
    browser = _browser(web, http)
    fields = Page(browser.get(PAGE).text).fields()
    answer = _post(browser, {**fields, "agree": "yes", "decision": ["refuse", "agree"]})
    assert answer.status_code == 422


def test_the_policy_lets_the_form_reach_the_wallet_and_nothing_else(web: WebWorld, http: TestClient) -> None:
    policy = _browser(web, http).get(PAGE).headers["content-security-policy"]
    assert f"form-action 'self' {WALLET}" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert re.search(r"default-src 'none'", policy)


def test_an_expired_session_starts_over(web: WebWorld, http: TestClient) -> None:
    from datetime import timedelta

    browser = _browser(web, http)
    fields = {**Page(browser.get(PAGE).text).fields(), "agree": "yes", "decision": "agree"}
    web.pass_time(timedelta(hours=2))
    assert _post(browser, fields).status_code == 403
    assert browser.get(PAGE).status_code == 303
