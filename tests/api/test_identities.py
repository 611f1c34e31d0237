"""Your identity apps, and callbacks of providers: through the application, over a real database."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.testclient import TestClient

from broker.core.linking import LINK_WINDOW, Linked
from broker.flows.take_notice import take_notice
from broker.stores.database import Database
from broker.web.messages import catalogue
from broker.wire.identity_connector import ProviderFault
from broker.wire.identity_grant import IdentityGrant
from tests.support.arrivals import CHAN, WONG, Person, arrival
from tests.support.broker_world import LINK_SECRET
from tests.support.html_forms import Form, forms_of
from tests.support.told_provider import ToldProvider, come_back
from tests.support.web_world import ISSUER, WebWorld

PROVIDERS = ("ctid", "iamsmart", "macau")


@pytest.fixture
def web(database: Database, tmp_path: Path):  # type: ignore[no-untyped-def]
    made = WebWorld(database, tmp_path, providers={name: ToldProvider(name) for name in PROVIDERS})
    made.use(
        take_notice=lambda work, provider, notice, at: take_notice(
            work, keys=made.keys, link_secret=LINK_SECRET, provider=provider, notice=notice, approvals=None, at=at,
            entropy=made.world.entropy,
        )
    )  # fmt: skip
    yield made
    made.keys.close()


def _told(web: WebWorld, provider: str, subject: str, person: Person | None, **change: Any) -> str:
    """A code at `provider` that yields this login."""
    web.providers[provider].grants[subject] = arrival(web.world, provider, subject, person, **change)
    return subject


def _log_in(
    web: WebWorld, http: TestClient, provider: str, subject: str, person: Person | None = CHAN
) -> httpx.Response:
    away = http.post(f"/login/{provider}", data={"return_to": "/identities", "lang": "en"})
    return come_back(http, away, _told(web, provider, subject, person))


def _page(http: TestClient, lang: str = "en") -> httpx.Response:
    page = http.get(f"/identities?lang={lang}")
    assert page.status_code == 200, page.text
    return page


def _form(page: httpx.Response, action: str, **has: str) -> Form:
    return next(
        form
        for form in forms_of(page)
        if form.action == action and all(form.has(name, value) for name, value in has.items())
    )


def _send(http: TestClient, form: Form) -> httpx.Response:
    return http.post(form.action, data=dict(form.fields))


def _add(web: WebWorld, http: TestClient, provider: str, subject: str, person: Person | None = CHAN) -> httpx.Response:
    away = _send(http, _form(_page(http), "/identities/add", provider=provider))
    return come_back(http, away, _told(web, provider, subject, person))


def _providers(web: WebWorld, subject: str, provider: str = "iamsmart") -> list[str]:
    outcome = web.world.arrive(arrival(web.world, provider, subject))
    assert isinstance(outcome, Linked)
    with web.world.begin() as work:
        return [link.provider for link in work.identities.of(outcome.traveller)]


def test_without_a_session_the_person_logs_in_first(http: TestClient) -> None:
    answer = http.get("/identities")
    assert answer.status_code == 303
    assert "/login?" in answer.headers["location"]


def test_adding_an_identity(web: WebWorld, http: TestClient) -> None:
    assert _log_in(web, http, "iamsmart", "chan").headers["location"] == "/identities"
    before = dict(http.cookies)
    back = _add(web, http, "macau", "chan-mo")
    assert back.headers["location"] == "/identities?lang=en"
    assert "Unlink The macau app" in _page(http).text
    assert _providers(web, "chan") == ["iamsmart", "macau"]
    # The person stays logged in as they were.
    assert {name: value for name, value in before.items() if "session" in name}.items() <= dict(http.cookies).items()


def test_a_form_that_posts_back_across_sites_works_too(web: WebWorld, http: TestClient) -> None:
    away = http.post("/login/macau", data={"return_to": "/identities", "lang": "en"})
    code = _told(web, "macau", "chan-mo", CHAN)
    redirected = come_back(http, away, code, post=True)
    assert redirected.status_code == 303
    assert http.get(redirected.headers["location"]).headers["location"] == "/identities"


def test_another_persons_identity_is_not_added(web: WebWorld, http: TestClient) -> None:
    _log_in(web, http, "iamsmart", "chan")
    refused = _add(web, http, "macau", "wong-mo", WONG)
    assert refused.status_code == 403
    assert "differs from your record" in refused.text
    assert _providers(web, "chan") == ["iamsmart"]


def test_both_logins_lie_within_the_window(web: WebWorld, http: TestClient) -> None:
    _log_in(web, http, "iamsmart", "chan")
    away = _send(http, _form(_page(http), "/identities/add", provider="macau"))
    web.pass_time(LINK_WINDOW - timedelta(minutes=6))
    late = _send(http, _form(_page(http), "/identities/add", provider="ctid"))
    web.pass_time(timedelta(minutes=6))
    refused = come_back(http, late, _told(web, "ctid", "chan-cn", CHAN))
    assert refused.status_code == 403
    assert "within fifteen minutes" in refused.text
    assert come_back(http, away, _told(web, "macau", "chan-mo", CHAN)).status_code == 403
    # The page then asks for the first login anew.
    again = _send(http, _form(_page(http), "/identities/add", provider="macau"))
    assert "/login?" in again.headers["location"]
    assert _providers(web, "chan") == ["iamsmart"]


def test_an_identity_is_added_to_the_session_that_began_it_only(web: WebWorld, http: TestClient) -> None:
    """Somebody else logs in in between, on the same phone, and would even fit."""
    _log_in(web, http, "ctid", "chan")
    away = _send(http, _form(_page(http), "/identities/add", provider="macau"))
    _log_in(web, http, "iamsmart", "wong", WONG)
    refused = come_back(http, away, _told(web, "macau", "wong-mo", WONG))
    assert refused.status_code == 403
    assert 'action="/identities/unlink"' not in _page(http).text


def test_a_known_person_at_a_new_provider_is_held_and_takes_it_after_the_other_login(
    web: WebWorld, http: TestClient
) -> None:
    web.world.arrive(arrival(web.world, "iamsmart", "chan"))
    held = _log_in(web, http, "macau", "chan-mo")
    assert held.status_code == 403
    assert "already use Tongguan through another identity app" in held.text
    assert not any("session" in name for name in http.cookies)
    _log_in(web, http, "iamsmart", "chan")
    page = _page(http)
    assert "The macau app is waiting to be added" in page.text
    assert _send(http, _form(page, "/identities/take")).status_code == 303
    assert _providers(web, "chan") == ["iamsmart", "macau"]
    assert "waiting to be added" not in _page(http).text


def test_what_waits_in_one_browser_is_not_offered_in_another(web: WebWorld, http: TestClient) -> None:
    web.world.arrive(arrival(web.world, "iamsmart", "chan"))
    _log_in(web, http, "macau", "chan-mo")
    with web.client() as elsewhere:
        _log_in(web, elsewhere, "iamsmart", "chan")
        assert "waiting to be added" not in _page(elsewhere).text


def test_a_result_only_login_of_nobody(web: WebWorld, http: TestClient) -> None:
    refused = _log_in(web, http, "ctid", "wang", None)
    assert refused.status_code == 403
    assert "shared no name or document" in refused.text
    _log_in(web, http, "ctid", "wang")
    http.cookies.clear()
    assert _log_in(web, http, "ctid", "wang", None).headers["location"] == "/identities"


def test_unlinking(web: WebWorld, http: TestClient) -> None:
    _log_in(web, http, "iamsmart", "chan")
    _add(web, http, "macau", "chan-mo")
    links = [form for form in forms_of(_page(http)) if form.action == "/identities/unlink"]
    assert len(links) == 2
    assert _send(http, links[1]).status_code == 303
    assert _providers(web, "chan") == ["iamsmart"]
    # The last one has no button, and sending the old form does not help.
    assert not [form for form in forms_of(_page(http)) if form.action == "/identities/unlink"]
    last = _send(http, links[0])
    assert last.status_code == 409
    assert "so it stays" in last.text


def test_unlinking_the_identity_one_is_logged_in_with_logs_out(web: WebWorld, http: TestClient) -> None:
    _log_in(web, http, "iamsmart", "chan")
    _add(web, http, "macau", "chan-mo")
    (mine, _) = [form for form in forms_of(_page(http)) if form.action == "/identities/unlink"]
    _send(http, mine)
    assert http.get("/identities").status_code == 303


@pytest.mark.parametrize("action", ["add", "take", "unlink"])
def test_forms_need_the_sessions_own_page(web: WebWorld, http: TestClient, action: str) -> None:
    _log_in(web, http, "iamsmart", "chan")
    fields = {"provider": "macau", "held": str(UUID(int=0)), "link": str(UUID(int=0)), "lang": "en"}
    assert http.post(f"/identities/{action}", data={**fields, "csrf": "guess"}).status_code == 403
    good = dict(_form(_page(http), "/identities/add", provider="macau").fields)
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert http.post(f"/identities/{action}", data={**fields, **good}, headers=headers).status_code == 403


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en", "pt"])
def test_the_page_in_four_languages_without_scripts(web: WebWorld, http: TestClient, language: str) -> None:
    _log_in(web, http, "iamsmart", "chan")
    page = _page(http, language)
    assert catalogue(language)["identities"]["title"] in page.text
    assert f'<html lang="{language}"' in page.text
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' http://ctid.test http://iamsmart.test http://macau.test" in policy


@pytest.mark.parametrize("fault", list(ProviderFault))
def test_every_fault_has_a_clear_page(web: WebWorld, http: TestClient, fault: ProviderFault) -> None:
    away = http.post("/login/macau", data={"return_to": "/", "lang": "en"})
    web.providers["macau"].grants["x"] = fault
    page = come_back(http, away, "x")
    assert page.status_code in (200, 502)
    assert "The macau app" in page.text
    assert 'href="/login?' in page.text


# --- the wallet ---


def test_the_wallet_lists_and_unlinks(web: WebWorld, http: TestClient) -> None:
    outcome = web.world.arrive(arrival(web.world, "iamsmart", "chan"))
    assert isinstance(outcome, Linked)
    web.world.arrive(arrival(web.world, "macau", "chan-mo"), onto=outcome.traveller)
    wallet = web.wallet(http, outcome.traveller)
    listed = wallet.get("/identities").json()
    assert [one["provider"] for one in listed["identities"]] == ["iamsmart", "macau"]
    assert listed["manage"] == f"{ISSUER}/identities"
    assert "subject" not in str(listed)
    stranger = web.wallet(http, web.world.link("person-2").traveller)
    macau = listed["identities"][1]["identity"]
    assert stranger.delete(f"/identities/{macau}").status_code == 404
    assert wallet.delete(f"/identities/{macau}").status_code == 204
    last = wallet.delete(f"/identities/{listed['identities'][0]['identity']}")
    assert (last.status_code, last.json()["type"].rsplit("/", 1)[-1]) == (409, "last-identity")


# --- callbacks ---


def _callback(http: TestClient, subject: str, business_id: str, provider: str = "macau", **headers: str) -> int:
    body = {"subject": subject, "id": business_id}
    headers = {"X-Signature": "good", **headers}
    return http.post(f"/providers/{provider}/callback", json=body, headers=headers).status_code


def test_a_withdrawal_at_the_provider_ends_sessions_tokens_and_grants_there(web: WebWorld, http: TestClient) -> None:
    _log_in(web, http, "macau", "chan-mo")
    with web.client() as other:
        _log_in(web, other, "iamsmart", "wong", WONG)
        assert _callback(http, "chan-mo", "n-1") == 204
        assert http.get("/identities").status_code == 303
        _page(other)  # somebody else's stays
    _log_in(web, http, "macau", "chan-mo")
    assert _callback(http, "chan-mo", "n-1") == 204  # repeated: acted on once
    _page(http)


def test_grants_that_rest_on_the_withdrawn_login_end(web: WebWorld, http: TestClient) -> None:
    outcome = web.world.arrive(arrival(web.world, "iamsmart", "chan", tokens=True))
    assert isinstance(outcome, Linked)
    wallet = web.wallet(http, outcome.traveller)
    assert wallet.get("/me").status_code == 200
    assert _callback(http, "chan", "n-1", "iamsmart") == 204
    assert wallet.get("/me").status_code == 401


def test_callbacks_that_do_not_verify(web: WebWorld, http: TestClient) -> None:
    _log_in(web, http, "macau", "chan-mo")
    assert _callback(http, "chan-mo", "n-1", **{"X-Signature": "bad"}) == 403
    assert _callback(http, "chan-mo", "n-1", "nobody") == 404
    assert http.post("/providers/macau/callback", content=b"x" * 2_000_000).status_code in (413, 415)
    _page(http)


def test_a_grant_is_logged_nowhere(web: WebWorld, http: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    _log_in(web, http, "iamsmart", "chan")
    _add(web, http, "macau", "wong-mo", WONG)
    for secret in (CHAN.number, WONG.number, "陳示範", "wong-mo"):
        assert secret not in caplog.text
    grant: IdentityGrant = web.providers["macau"].grants["wong-mo"]
    assert WONG.number not in repr(grant)
