"""Logging in: the browser that began is the browser that ends, sessions are never inherited, failures are said
clearly.
"""

import os
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from broker.oidc.authorize.endpoint import CONTINUE
from tests.support.html_forms import forms_of, submit
from tests.support.oidc_memory import OidcMemory
from tests.support.oidc_world import ISSUER, REDIRECT, OidcWorld
from tests.support.provider_pages import WALKS, Choice
from tests.support.wallet_client import WalletClient, b64url

SESSION = "tongguan-session"


def _begin(wallet: WalletClient, language: str = "en") -> httpx.Response:
    """The login page, reached from an authorization request."""
    url = wallet.authorization_url(b64url(os.urandom(32)), "s", "n", ui_locales=language)
    page = wallet.follow(wallet.browser.get(url))
    assert isinstance(page, httpx.Response)
    return page


def _to_callback(wallet: WalletClient, provider: str, person: str) -> str:
    """Walk to the provider and back, but stop before calling the broker's callback: the URL it would call."""
    page = _begin(wallet)
    form = next(form for form in forms_of(page) if form.action == f"/login/{provider}")
    shown = wallet.browser.get(submit(wallet.browser, page, form).headers["location"])
    return WALKS[provider](wallet.browser, shown, Choice(person)).headers["location"]


def test_the_callback_of_one_browser_is_useless_in_another(world: OidcWorld) -> None:
    """Login CSRF: an attacker sends the victim a callback URL of the attacker's own login."""
    attacker, victim = world.wallet(), world.wallet()
    url = _to_callback(attacker, "ctid", "ctid-wang")
    response = victim.browser.get(url)
    assert response.status_code == 403
    assert SESSION not in victim.browser.cookies
    assert not world.linked


@pytest.mark.parametrize(
    ("provider", "people"), [("ctid", ("ctid-wang", "ctid-li")), ("macau", ("macau-sousa", "macau-lei"))]
)
def test_a_victim_in_the_middle_of_a_login_is_not_fooled_either(
    world: OidcWorld, provider: str, people: tuple[str, str]
) -> None:
    attacker, victim = world.wallet(), world.wallet()
    theirs = dict(parse_qsl(urlsplit(_to_callback(attacker, provider, people[0])).query))
    own = dict(parse_qsl(urlsplit(_to_callback(victim, provider, people[1])).query))
    # Own state, the attacker's answer: what binds it to the login (nonce and PKCE, or bizSeq) is the broker's secret.
    mixed = urlencode(theirs | {"state": own["state"]})
    response = victim.browser.get(f"{ISSUER}/login/{provider}/callback?{mixed}")
    assert response.status_code == 502
    assert not world.linked


@pytest.mark.parametrize("state", ["", "x", "0123456789abcdef.", "0123456789abcdef.forged", "." * 40])
def test_a_forged_state_is_refused(world: OidcWorld, state: str) -> None:
    wallet = world.wallet()
    _to_callback(wallet, "ctid", "ctid-wang")
    response = wallet.browser.get(f"{ISSUER}/login/ctid/callback", params={"state": state, "code": "c"})
    assert response.status_code == 403


def test_the_right_attempt_with_a_forged_mac_is_refused(world: OidcWorld) -> None:
    """The attempt's id is no secret: only the MAC under the browser's cookie ties an answer to its request."""
    wallet = world.wallet()
    answer = dict(parse_qsl(urlsplit(_to_callback(wallet, "ctid", "ctid-wang")).query))
    forged = answer | {"state": answer["state"].partition(".")[0] + "." + "A" * 43}
    assert wallet.browser.get(f"{ISSUER}/login/ctid/callback", params=forged).status_code == 403
    assert not world.linked
    # And nothing was used up: the genuine answer still counts.
    assert wallet.browser.get(f"{ISSUER}/login/ctid/callback", params=answer).status_code == 303


def test_a_tampered_cookie_is_refused(world: OidcWorld) -> None:
    """The cookie carries the path to continue at; changing it voids the login."""
    wallet = world.wallet()
    url = _to_callback(wallet, "ctid", "ctid-wang")
    name = next(name for name in wallet.browser.cookies if name.startswith("tongguan-login-"))
    secret = wallet.browser.cookies[name].partition(".")[0]
    wallet.browser.cookies.clear()
    wallet.browser.cookies.set(name, f"{secret}.{b64url(b'/elsewhere')}", domain="broker.test")
    assert wallet.browser.get(url).status_code == 403


def test_a_callback_works_once(world: OidcWorld) -> None:
    wallet = world.wallet()
    url = _to_callback(wallet, "iamsmart", "iamsmart-wong")
    kept = {cookie.name: cookie.value for cookie in wallet.browser.cookies.jar}
    assert wallet.browser.get(url).status_code == 303
    wallet.browser.cookies.clear()
    for name, value in kept.items():
        wallet.browser.cookies.set(name, value or "", domain="broker.test")
    assert wallet.browser.get(url).status_code == 403


def test_a_login_attempt_expires(world: OidcWorld) -> None:
    wallet = world.wallet()
    url = _to_callback(wallet, "iamsmart", "iamsmart-wong")
    world.clock.forward(minutes=10)
    assert wallet.browser.get(url).status_code == 403


def test_logins_in_two_tabs_do_not_disturb_each_other(world: OidcWorld) -> None:
    wallet = world.wallet()
    first = _to_callback(wallet, "ctid", "ctid-wang")
    second = _to_callback(wallet, "macau", "macau-lei")
    assert wallet.browser.get(first).status_code == 303
    assert wallet.browser.get(second).status_code == 303
    assert [grant.provider for grant in world.linked] == ["ctid", "macau"]


@pytest.mark.parametrize("other", ["iamsmart", "macau"])
def test_an_answer_meant_for_one_provider_is_not_taken_at_anothers_callback(world: OidcWorld, other: str) -> None:
    wallet = world.wallet()
    url = _to_callback(wallet, "ctid", "ctid-wang").replace("/login/ctid/", f"/login/{other}/")
    assert wallet.browser.get(url).status_code == 403
    assert not world.linked


def test_a_planted_session_never_becomes_a_logged_in_one(world: OidcWorld) -> None:
    """Session fixation: whatever cookie is there at login, the session after it has a new one."""
    wallet = world.wallet()
    wallet.browser.cookies.set(SESSION, "planted-by-the-attacker", domain="broker.test", path="/")
    wallet.login("ctid", "ctid-wang")
    values = {cookie.value for cookie in wallet.browser.cookies.jar if cookie.name == SESSION}
    assert "planted-by-the-attacker" not in values
    thief = world.client()
    thief.cookies.set(SESSION, "planted-by-the-attacker", domain="broker.test", path="/")
    answer = thief.get(wallet.authorization_url(b64url(os.urandom(32)), "s", "n", prompt="none"))
    assert "login_required" in answer.headers["location"]


def test_a_new_login_ends_the_session_it_replaces(world: OidcWorld, memory: OidcMemory) -> None:
    wallet = world.logged_in("ctid", "ctid-wang")
    before = wallet.browser.cookies[SESSION]
    world.clock.forward(seconds=1)
    wallet.login("ctid", "ctid-li", prompt="login")
    assert wallet.browser.cookies[SESSION] != before
    assert len(memory.tables["sessions"]) == 1


def test_cookie_attributes(world: OidcWorld) -> None:
    wallet = world.wallet()
    response = wallet.browser.get(_to_callback(wallet, "ctid", "ctid-wang"))
    (session,) = [value for value in response.headers.get_list("set-cookie") if value.startswith(SESSION)]
    attributes = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=3600"} <= attributes


def test_over_tls_cookies_are_secure_and_bound_to_the_host(world: OidcWorld) -> None:
    from dataclasses import replace

    from starlette.responses import Response

    from broker.oidc.login.binding import cookie_name as login_cookie
    from broker.oidc.session import cookie_name, set_session_cookie

    server = replace(world.server, issuer="https://broker.test")
    response = Response()
    set_session_cookie(server, response, "value")
    header = response.headers["set-cookie"]
    assert header.startswith("__Host-tongguan-session=value;")
    assert "; Secure" in header
    assert "domain" not in header.lower()
    assert cookie_name(server) == "__Host-tongguan-session"
    assert login_cookie("ab", secure=True) == "__Host-tongguan-login-ab"


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "javascript:alert(1)",
        "/a\nb",
        "x",
        "/" + "a" * 2000,
    ],
)
def test_a_login_never_continues_at_another_site(world: OidcWorld, return_to: str) -> None:
    client = world.client()
    assert client.get(f"{ISSUER}/login", params={"return_to": return_to}).status_code == 400
    form = {"return_to": return_to, "lang": "en"}
    assert client.post(f"{ISSUER}/login/ctid", data=form).status_code == 400


def test_another_site_cannot_begin_a_login(world: OidcWorld) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    response = world.client().post(f"{ISSUER}/login/ctid", data={"return_to": "/"}, headers=headers)
    assert response.status_code == 403


def test_an_unknown_provider(world: OidcWorld) -> None:
    assert world.client().post(f"{ISSUER}/login/nobody", data={"return_to": "/"}).status_code == 404
    assert world.client().get(f"{ISSUER}/login/nobody/callback").status_code == 404


def _back_to_wallet(wallet: WalletClient, page: httpx.Response) -> dict[str, str]:
    """Take the page's way back to the wallet."""
    path = page.text.split(f'href="{CONTINUE}')[1].split('"')[0]
    answer = wallet.follow(wallet.browser.get(f"{ISSUER}{CONTINUE}{path}"))
    assert isinstance(answer, dict)
    return answer


def test_cancelling_at_the_provider(world: OidcWorld) -> None:
    wallet = world.wallet()
    page = wallet.at_provider(_begin(wallet), "iamsmart", "iamsmart-chan", cancel=True)
    assert isinstance(page, httpx.Response)
    assert page.status_code == 200
    assert "cancelled" in page.text
    assert _back_to_wallet(wallet, page) | {"error_description": ""} == {
        "error": "access_denied",
        "error_description": "",
        "state": "s",
        "iss": ISSUER,
    }


def test_cancelling_on_the_login_page(world: OidcWorld) -> None:
    wallet = world.wallet()
    assert _back_to_wallet(wallet, _begin(wallet))["error"] == "access_denied"


@pytest.mark.parametrize("share", [[], ["eidapi_fr"]])
def test_withholding_what_a_login_needs(world: OidcWorld, share: list[str]) -> None:
    wallet = world.wallet()
    page = wallet.at_provider(_begin(wallet), "iamsmart", "iamsmart-chan", share=share)
    assert isinstance(page, httpx.Response)
    assert "did not let" in page.text
    assert not world.linked
    assert _back_to_wallet(wallet, page)["error"] == "access_denied"


def _answering(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(answer)


def _raise(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("", request=request)

    return answer


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (_raise(httpx.ConnectError), "is not answering"),
        (_raise(httpx.ReadTimeout), "is not answering"),
        (lambda _: httpx.Response(503), "is not answering"),
        (_raise(httpx.RemoteProtocolError), "could not be read"),
        (lambda _: httpx.Response(200, content=b"<html>busy</html>"), "could not be read"),
        (lambda _: httpx.Response(200, content=b"[" * 100_000), "could not be read"),
        (lambda _: httpx.Response(200, content=b" " * 300_000), "could not be read"),
        (lambda _: httpx.Response(200, json={"issuer": "http://evil.test"}), "could not be verified"),
    ],
    ids=["refused", "timeout", "503", "not http", "html", "deep", "huge", "another issuer"],
)
def test_a_provider_that_is_down_or_talks_nonsense_when_the_login_begins(
    world: OidcWorld, answer: Callable[[httpx.Request], httpx.Response], text: str
) -> None:
    wallet = world.wallet()
    page = _begin(wallet)
    world.hosts.hosts["macau.test"] = _answering(answer)
    form = next(form for form in forms_of(page) if form.action == "/login/macau")
    failed = submit(wallet.browser, page, form)
    assert failed.status_code == 502
    assert text in failed.text
    assert "Macau One Account" in failed.text
    assert _back_to_wallet(wallet, failed)["error"] == "access_denied"
    # The others are not touched, and the same wallet can go on with one of them.
    assert wallet.login("ctid", "ctid-wang")["sub"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (_raise(httpx.ReadTimeout), "is not answering"),
        (lambda _: httpx.Response(400, json={"error": "invalid_grant"}), "did not accept"),
        (lambda _: httpx.Response(200, json={}), "could not be read"),
        (lambda _: httpx.Response(200, json={"access_token": "a", "id_token": "b"}), "could not be read"),
        (
            lambda _: httpx.Response(200, json={"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"}),
            "could not be verified",
        ),
    ],
    ids=["timeout", "refused", "empty", "no type", "unsigned"],
)
def test_a_provider_that_fails_at_the_exchange(
    world: OidcWorld, answer: Callable[[httpx.Request], httpx.Response], text: str
) -> None:
    wallet = world.wallet()
    url = _to_callback(wallet, "macau", "macau-sousa")
    world.hosts.hosts["macau.test"] = _answering(answer)
    failed = wallet.browser.get(url)
    assert failed.status_code == 502
    assert text in failed.text
    assert SESSION not in wallet.browser.cookies
    assert not world.linked


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        ("access_denied", 200, "You cancelled"),
        ("temporarily_unavailable", 502, "is not answering"),
        ("server_error", 502, "is not answering"),
        ("<script>alert(1)</script>", 502, "did not accept"),
    ],
)
def test_errors_on_the_callback(world: OidcWorld, error: str, status: int, text: str) -> None:
    wallet = world.wallet()
    answer = dict(parse_qsl(urlsplit(_to_callback(wallet, "macau", "macau-sousa")).query))
    del answer["code"]
    page = wallet.browser.get(f"{ISSUER}/login/macau/callback", params=answer | {"error": error})
    assert page.status_code == status
    assert text in page.text
    assert "<script>" not in page.text


def test_three_providers_never_cross(world: OidcWorld) -> None:
    """Logins at all three, interleaved step by step, each end as their own person."""
    plan = [("ctid", "ctid-wang"), ("iamsmart", "iamsmart-chan"), ("macau", "macau-sousa")] * 3
    wallets = [world.wallet() for _ in plan]
    urls = [_to_callback(wallet, *who) for wallet, who in zip(wallets, plan, strict=True)]
    for wallet, url in reversed(list(zip(wallets, urls, strict=True))):
        assert wallet.browser.get(url).status_code == 303
    assert [grant.provider for grant in world.linked] == [provider for provider, _ in reversed(plan)]
    assert len({(grant.issuer, grant.subject) for grant in world.linked}) == 3
    for grant in world.linked:
        assert grant.issuer == f"http://{grant.provider}.test"


def test_the_login_page_works_without_scripts_and_loads_nothing_foreign(world: OidcWorld) -> None:
    page = _begin(world.wallet())
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://ctid.test http://iamsmart.test http://macau.test" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert REDIRECT not in page.text


def test_signing_out_ends_the_login_at_the_broker_too(world: OidcWorld) -> None:
    """A phone may be shared: the next "Log in" must not silently be the previous person's."""
    wallet, elsewhere = world.logged_in(), world.logged_in()
    stranger = world.logged_in("macau", "macau-sousa")
    wallet.logout()
    for browser in (wallet, elsewhere):
        shown = browser.follow(browser.browser.get(browser.authorization_url("v" * 43, "s", "n")))
        assert isinstance(shown, httpx.Response)
        assert "/login/iamsmart" in shown.text
    answer = stranger.follow(stranger.browser.get(stranger.authorization_url("v" * 43, "s", "n")))
    assert "code" in answer
