"""`prompt=login`, `max_age` and `acr_values` at a provider with a session of its own (OpenID Connect Core 3.1.2.1, RFC
9470 4): it is asked for them, and what it answers is looked at.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest

from broker.oidc.login.callback import callback_uri
from broker.wire.identity_connector import LoginStart, Redirection, WantedLogin
from broker.wire.identity_grant import Assurance, IdentityGrant
from tests.support.oidc_agency import HIGH, SUBSTANTIAL, Agency
from tests.support.oidc_world import ISSUER, OidcWorld
from tests.support.sandbox_idp import SandboxIdp


@dataclass
class _SingleSignOn:
    """Answers with the session it has of the person, unless it is asked for more and listens. `clock_behind`: seconds
    by which its clock is late.
    """

    now: Callable[[], datetime]
    session: tuple[datetime, Assurance] | None = None
    listens: bool = True
    clock_behind: float = 0
    wanted: WantedLogin = field(default_factory=WantedLogin)

    idp: SandboxIdp = field(default_factory=SandboxIdp)

    @property
    def provider(self) -> str:
        return self.idp.provider

    @property
    def names(self) -> Mapping[str, str]:
        return self.idp.names

    @property
    def origin(self) -> str:
        return self.idp.origin

    def begin(self, start: LoginStart) -> Redirection:
        self.wanted = start.wanted
        return self.idp.begin(start)

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return self.idp.state_of(answer)

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        there = self.now() - timedelta(seconds=self.clock_behind)
        if self.session is None or (self.listens and not self._will_do(there, *self.session)):
            self.session = (there, self.wanted.level or Assurance.SUBSTANTIAL)
        auth_time, acr = self.session
        grant = self.idp.finish(answer, memory=memory, redirect_uri=redirect_uri, at=at)
        return grant.model_copy(update={"auth_time": auth_time, "acr": acr})

    def _will_do(self, there: datetime, auth_time: datetime, acr: Assurance) -> bool:
        young = self.wanted.max_age is None or auth_time + timedelta(seconds=self.wanted.max_age) >= there
        return young and not self.wanted.fresh and self.wanted.level in (None, acr, Assurance.SUBSTANTIAL)


@pytest.fixture
def provider(world: OidcWorld) -> _SingleSignOn:
    made = _SingleSignOn(now=world.clock)
    world.app.state.oidc = replace(world.server, connectors={made.provider: made})
    return made


@pytest.fixture
def agency(world: OidcWorld) -> Agency:
    return Agency(world)


def _asked(agency: Agency, **change: Any) -> dict[str, str]:
    """What the client gets after a request and, if there has to be one, a login."""
    query = urlencode(
        {"client_id": agency.client.client_id, "request_uri": agency.push(**change).json()["request_uri"]}
    )
    response = agency.browser.get(f"{ISSUER}/oauth/authorize?{query}")
    target = urlsplit(response.headers["location"])
    if target.path != "/login":
        return agency.follow(response)
    form = {"return_to": dict(parse_qsl(target.query))["return_to"]}
    agency.world.clock.forward(seconds=2)
    there = agency.browser.post(f"{ISSUER}/login/sandbox", data=form).headers["location"]
    answer = urlencode({"state": dict(parse_qsl(urlsplit(there).query))["state"], "person": "chan"})
    return agency.follow(agency.browser.get(f"{callback_uri(agency.world.server, 'sandbox')}?{answer}"))


def _token(agency: Agency, answer: dict[str, str]) -> dict[str, Any]:
    assert "code" in answer, answer
    found: dict[str, Any] = jwt.decode(agency.redeem(answer["code"])["id_token"], options={"verify_signature": False})
    return found


WISHES: list[dict[str, str]] = [{"prompt": "login"}, {"max_age": "60"}, {"acr_values": HIGH}]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_providers_session_is_not_what_was_asked_for(
    agency: Agency, provider: _SingleSignOn, wish: dict[str, str]
) -> None:
    first = _token(agency, _asked(agency))
    assert first["acr"] == SUBSTANTIAL
    agency.world.clock.forward(minutes=30)
    asked_at = int(agency.world.clock.seconds())
    second = _token(agency, _asked(agency, **wish))
    assert second["auth_time"] >= asked_at
    assert second["acr"] == (HIGH if "acr_values" in wish else SUBSTANTIAL)


def test_without_a_wish_the_providers_session_will_do(agency: Agency, provider: _SingleSignOn) -> None:
    first = _token(agency, _asked(agency))
    agency.world.clock.forward(minutes=30)
    agency.browser.cookies.clear()
    assert _token(agency, _asked(agency))["auth_time"] == first["auth_time"]
    assert provider.wanted == WantedLogin()


@pytest.mark.parametrize("wish", WISHES[:2], ids=str)
def test_a_provider_that_answers_with_its_session_all_the_same(
    agency: Agency, provider: _SingleSignOn, wish: dict[str, str]
) -> None:
    provider.listens = False
    assert "code" in _asked(agency)
    agency.world.clock.forward(minutes=30)
    assert _asked(agency, **wish)["error"] == "login_required"


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "0"}], ids=str)
def test_a_provider_whose_clock_is_a_little_late(agency: Agency, provider: _SingleSignOn, wish: dict[str, str]) -> None:
    provider.clock_behind = 50
    assert "code" in _asked(agency, **wish)


def test_a_session_here_is_no_fresh_login_however_young(agency: Agency, provider: _SingleSignOn) -> None:
    assert "code" in _asked(agency)
    agency.world.clock.forward(seconds=1)
    asked_at = int(agency.world.clock.seconds())
    assert _token(agency, _asked(agency, prompt="login"))["auth_time"] >= asked_at
