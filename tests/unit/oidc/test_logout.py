"""Logging out at a client's wish: asked first, then everybody who was logged in is told until they have heard."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest

from broker.core.ending import Ending
from broker.oidc.client_keys import FetchError
from broker.oidc.logout.notices import Notifier, send_notices
from broker.oidc.server import LANGUAGES
from tests.support.html_forms import form_with, submit
from tests.support.oidc_agency import GOODBYE, Agency
from tests.support.oidc_world import ISSUER, OidcWorld

_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class _Post:
    """Clients' logout endpoints: what each answers, and what came."""

    status: dict[str, int] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __call__(self, url: str, form: dict[str, str]) -> int:
        self.got.append((url, form))
        self.meanwhile()
        if url not in self.status:
            raise FetchError("nobody is there")
        return self.status[url]


@pytest.fixture
def agency(world: OidcWorld) -> Agency:
    return Agency(world, backchannel_logout_uri="https://agency.example/logout")


@pytest.fixture
def post() -> _Post:
    return _Post({"https://agency.example/logout": 200})


def _notifier(agency: Agency, post: _Post) -> Notifier:
    server = agency.world.server
    return Notifier(
        server.issuer, server.clients, server.token_keys, server.sid_key, server.open_unit, post, server.clock,
        server.entropy,
    )  # fmt: skip


def _page(agency: Agency, **query: str) -> httpx.Response:
    return agency.browser.get(f"{ISSUER}/oauth/logout?{urlencode(query)}")


def _decide(agency: Agency, page: httpx.Response, decision: str) -> httpx.Response:
    return submit(agency.browser, page, form_with(page, "decision", decision), press=("decision", decision))


def test_the_person_is_asked_and_the_client_is_gone_back_to(agency: Agency) -> None:
    tokens = agency.tokens()
    page = _page(agency, id_token_hint=tokens["id_token"], post_logout_redirect_uri=GOODBYE, state="bye")
    assert page.status_code == 200
    assert "The Agency" in page.text
    assert agency.authorize(prompt="none").keys() >= {"code"}  # nothing happened yet
    assert agency.follow(_decide(agency, page, "logout")) == {"state": "bye"}
    assert agency.authorize(prompt="none")["error"] == "login_required"
    assert agency.userinfo(tokens["access_token"]).status_code == 401


def test_the_person_may_stay(agency: Agency) -> None:
    tokens = agency.tokens()
    page = _page(agency, client_id="agency-web", post_logout_redirect_uri=GOODBYE)
    stayed = _decide(agency, page, "stay")
    assert stayed.status_code == 200
    assert GOODBYE in stayed.text
    assert agency.userinfo(tokens["access_token"]).status_code == 200


def test_offline_access_stands_after_a_logout(agency: Agency) -> None:
    tokens = agency.tokens(scope="openid offline_access")
    _decide(agency, _page(agency), "logout")
    assert agency.userinfo(tokens["access_token"]).status_code == 200


def test_a_logout_after_the_session_ends_what_that_client_still_holds_of_it(agency: Agency) -> None:
    other = Agency(agency.world, "other-web")
    tokens = agency.tokens()
    other.browser = agency.browser
    theirs = other.redeem(other.authorize()["code"])
    lasting = agency.redeem(agency.authorize(scope="openid offline_access")["code"])
    agency.world.clock.forward(hours=2)
    agency.memory.sweep(agency.world.clock())
    later = agency.tokens()
    agency.browser.cookies.clear()
    answer = _page(agency, id_token_hint=tokens["id_token"], post_logout_redirect_uri=GOODBYE, state="bye")
    assert agency.follow(answer) == {"state": "bye"}

    def renews(party: Agency, body: dict[str, Any]) -> bool:
        return party.token(grant_type="refresh_token", refresh_token=body["refresh_token"]).status_code == 200

    assert not renews(agency, tokens)
    assert renews(agency, lasting)
    assert renews(agency, later)  # of another session
    assert renews(other, theirs)  # nobody was asked about that
    [told] = agency.world.events.of("agency", state=None, limit=9)
    assert (told.name, told.body["reason"]) == ("session.revoked", "logout")


def test_a_logout_in_a_later_session_ends_what_is_left_of_the_first(agency: Agency) -> None:
    first = agency.tokens()
    agency.world.clock.forward(hours=2)
    agency.log_in()
    page = _page(agency, id_token_hint=first["id_token"], post_logout_redirect_uri=GOODBYE)
    _decide(agency, page, "stay")
    assert agency.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 200
    _decide(agency, page, "logout")
    assert agency.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_question_in_four_languages(agency: Agency, language: str) -> None:
    agency.log_in()
    page = _page(agency, ui_locales=f"xx {language}")
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.text.count('type="submit"') == 2


def test_nobody_is_logged_in_and_nobody_is_asked(agency: Agency) -> None:
    answer = _page(agency, client_id="agency-web", post_logout_redirect_uri=GOODBYE, state="s")
    assert agency.follow(answer) == {"state": "s"}


@pytest.mark.parametrize(
    "query",
    [
        {"post_logout_redirect_uri": GOODBYE},
        {"client_id": "agency-web", "post_logout_redirect_uri": "https://evil.example/"},
        {"client_id": "agency-web", "post_logout_redirect_uri": GOODBYE + "?x=1"},
        {"client_id": "nobody", "post_logout_redirect_uri": GOODBYE},
        {"id_token_hint": "x", "post_logout_redirect_uri": GOODBYE},
        {"id_token_hint": "e30.e30.AAAA"},
    ],
)
def test_where_a_logout_never_leads(agency: Agency, query: dict[str, str]) -> None:
    agency.log_in()
    answer = _page(agency, **query)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_hint_for_another_client(agency: Agency) -> None:
    tokens = agency.tokens()
    Agency(agency.world, "other-web")
    answer = _page(agency, client_id="other-web", id_token_hint=tokens["id_token"], post_logout_redirect_uri=GOODBYE)
    assert answer.status_code == 400


def test_another_site_cannot_log_anybody_out(agency: Agency) -> None:
    tokens = agency.tokens()
    for csrf in ("", "x", None):
        form = {"decision": "logout"} | ({"csrf": csrf} if csrf is not None else {})
        assert agency.browser.post(f"{ISSUER}/oauth/logout/decision", data=form).status_code == 403
    assert agency.userinfo(tokens["access_token"]).status_code == 200


def test_every_client_of_the_session_is_told(agency: Agency, post: _Post) -> None:
    other = Agency(agency.world, "other-web", backchannel_logout_uri="https://other.example/logout")
    silent = Agency(agency.world, "silent-web")
    post.status["https://other.example/logout"] = 204
    tokens = agency.tokens()
    other.browser = silent.browser = agency.browser
    theirs = other.redeem(other.authorize()["code"])
    silent.redeem(silent.authorize()["code"])
    assert send_notices(_notifier(agency, post)) == 0
    _decide(agency, _page(agency), "logout")
    assert send_notices(_notifier(agency, post)) == 2
    assert {url for url, _ in post.got} == {"https://agency.example/logout", "https://other.example/logout"}
    for url, client_id, body in (
        ("https://agency.example/logout", "agency-web", tokens),
        ("https://other.example/logout", "other-web", theirs),
    ):
        token = next(form["logout_token"] for called, form in post.got if called == url)
        claims = _verified(agency, token, client_id)
        known = jwt.decode(body["id_token"], options={"verify_signature": False})
        assert (claims["sub"], claims["sid"]) == (known["sub"], known["sid"])
        assert claims["events"] == {_EVENT: {}}
        assert "nonce" not in claims
        assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    assert send_notices(_notifier(agency, post)) == 0
    assert len(post.got) == 2


def test_a_client_that_is_down_hears_of_it_later(agency: Agency, post: _Post) -> None:
    agency.tokens()
    _decide(agency, _page(agency), "logout")
    post.status.clear()
    for seconds in (15, 60, 240):
        assert send_notices(_notifier(agency, post)) == 0
        tried = len(post.got)
        agency.world.clock.forward(seconds=seconds - 1)
        send_notices(_notifier(agency, post))
        assert len(post.got) == tried  # not before its time
        agency.world.clock.forward(seconds=1)
    post.status["https://agency.example/logout"] = 500
    assert send_notices(_notifier(agency, post)) == 0
    agency.world.clock.forward(hours=1)
    post.status["https://agency.example/logout"] = 200
    assert send_notices(_notifier(agency, post)) == 1
    jtis = {jwt.decode(form["logout_token"], options={"verify_signature": False})["jti"] for _, form in post.got}
    assert len(jtis) == len(post.got)  # each attempt is a token of its own


def test_slow_clients_neither_age_a_token_nor_lend_a_notice_to_another_broker(agency: Agency, post: _Post) -> None:
    """Back-Channel Logout 2.4: a token lives two minutes from when it is sent."""
    clock, sent = agency.world.clock, []
    for number in range(20):
        uri = f"https://slow-{number}.example/logout"
        other = Agency(agency.world, f"slow-{number}", backchannel_logout_uri=uri)
        other.browser, post.status[uri] = agency.browser, 204
        other.log_in(agency.person)
        other.redeem(other.authorize()["code"])
    server = agency.world.server
    server.logins.sessions_of(agency.memory, agency.person, Ending.LOGOUT, at=server.clock())

    def slowly() -> None:
        token = jwt.decode(post.got[-1][1]["logout_token"], options={"verify_signature": False})
        sent.append(token["iat"] - int(clock.seconds()))
        clock.forward(seconds=10)
        if len(sent) == 10:
            send_notices(_notifier(agency, quick))  # a broker beside this one, on the same database

    quick = _Post(dict(post.status))
    post.meanwhile = slowly
    while send_notices(_notifier(agency, post)):
        pass
    assert set(sent) == {0}
    told = [url for url, _ in (*post.got, *quick.got)]
    assert sorted(told) == sorted(set(told))
    assert len(told) == 20


def test_a_client_whose_tokens_cannot_be_signed_holds_up_nobody(agency: Agency, post: _Post) -> None:
    other = Agency(agency.world, "other-web", backchannel_logout_uri="https://other.example/logout")
    post.status["https://other.example/logout"] = 204
    agency.tokens()
    other.browser = agency.browser
    other.redeem(other.authorize()["code"])
    agency.change(id_token_alg="EdDSA")
    _decide(agency, _page(agency), "logout")
    assert send_notices(_notifier(agency, post)) == 1
    assert [url for url, _ in post.got] == ["https://other.example/logout"]


def test_the_wallets_sign_out_and_an_erasure_tell_too(agency: Agency, post: _Post) -> None:
    agency.tokens()
    server = agency.world.server
    server.logins.sessions_of(agency.memory, agency.person, Ending.LOGOUT, at=server.clock())
    assert send_notices(_notifier(agency, post)) == 1
    agency.tokens()
    server.logins.sessions_of(agency.memory, agency.person, Ending.ERASED, at=server.clock())
    assert send_notices(_notifier(agency, post)) == 1


def _verified(agency: Agency, token: str, client_id: str) -> dict[str, Any]:
    key = agency.world.server.token_keys.current.public_key
    options: Any = {"verify_iat": False, "verify_exp": False}
    found: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience=client_id, options=options)
    return found
