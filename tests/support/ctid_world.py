"""CTID in one process: mock platform and app, connector, a browser, and a place in between to spoil answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from anyio.from_thread import start_blocking_portal

from broker.wire.identity_connector import LoginStart, Redirection
from broker.wire.identity_grant import IdentityGrant
from connectors.adapter import Surroundings
from connectors.ctid import CtidConnector, CtidSettings
from connectors.fetch import Fetcher
from connectors.mock_idps.ctid.server import app_of
from connectors.mock_idps.ctid.world import World
from connectors.mock_idps.faults import Fault, FaultSwitch, Setting
from connectors.mock_idps.people import load_people
from connectors.mock_idps.settings import MockSettings
from tests.support.ctid_pages import settings_table, through_the_app
from tests.support.oidc_world import Hosts
from tests.support.provider_pages import Choice

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PLATFORM = "http://ctid.test"
CALLBACK = "http://broker.test/login/ctid/callback"
WANG, LI, OUYANG = "ctid-wang", "ctid-li", "ctid-ouyang"


def portrait(person: str) -> bytes:
    """Starts like a JPEG; nobody decodes it here."""
    return b"\xff\xd8\xff\xe0 a synthetic photograph of " + person.encode()


@dataclass
class Spoiler(httpx.BaseTransport):
    """Passes everything on; `answers` by path may replace what comes back."""

    inner: httpx.BaseTransport
    answers: dict[str, Callable[[httpx.Response], httpx.Response]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        response = self.inner.handle_request(request)
        change = self.answers.get(request.url.path)
        return change(response) if change else response


@dataclass
class Clock:
    at: datetime = NOW

    def seconds(self) -> float:
        return self.at.timestamp()

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class CtidWorld:
    """`clock` is everybody's; `lag` what the broker's is behind it."""

    world: World
    keys: Path
    spoiler: Spoiler
    clock: Clock
    connector: CtidConnector
    lag: timedelta = timedelta(0)

    @property
    def at(self) -> datetime:
        return self.clock.at - self.lag

    def fault(self, fault: Fault, **more: Any) -> None:
        self.world.switch.set(Setting(fault, **more))

    def rebuild(self, **settings: Any) -> CtidConnector:
        """Another connector, with other settings."""
        self.connector = connector(self.keys, self.spoiler, self.clock, **settings)
        return self.connector

    def begin(self, language: str = "en") -> Redirection:
        return self.connector.begin(LoginStart("the-state", CALLBACK, language, self.at, os.urandom))

    def answer(self, begun: Redirection, person: str = WANG, **choice: Any) -> dict[str, str]:
        """The callback's parameters after the app."""
        password, face = choice.pop("password", "246810"), choice.pop("face", "own")
        browser = httpx.Client(transport=self.spoiler, trust_env=False)
        page = browser.get(begun.url)
        back = through_the_app(browser, page, Choice(person, **choice), password=password, face=face)
        assert back.status_code == 303, (back.status_code, back.text[:500])
        return dict(parse_qsl(urlsplit(back.headers["location"]).query, keep_blank_values=True))

    def finish(self, begun: Redirection, answer: dict[str, str]) -> IdentityGrant:
        return self.connector.finish(answer, memory=begun.memory, redirect_uri=CALLBACK, at=self.at)

    def login(self, person: str = WANG, **choice: Any) -> IdentityGrant:
        begun = self.begin()
        return self.finish(begun, self.answer(begun, person, **choice))


def connector(
    keys: Path, transport: httpx.BaseTransport, clock: Clock, *, behind: timedelta = timedelta(0), **settings: Any
) -> CtidConnector:
    """As the broker builds it, from a settings table. Its clock may be `behind` everybody's."""
    table = settings_table(PLATFORM, keys) | settings
    known = CtidSettings.model_validate(table)
    fetch = Fetcher("ctid", httpx.Client(transport=transport, trust_env=False), clock=lambda: clock.at - behind)
    return CtidConnector("ctid", known, Surroundings(fetch, keys))


@contextmanager
def ctid_world(folder: Path, **options: str) -> Iterator[CtidWorld]:
    """`options` of the mock. `folder` gets the photographs and the keys."""
    clock, keys = Clock(), folder / "keys"
    for person in load_people("ctid", portraits=folder):
        (folder / f"{person}.jpg").write_bytes(portrait(person))

    async def at_once(_: float) -> None:
        return None

    settings = MockSettings(
        issuer=PLATFORM,
        client_id="tongguan",
        client_secret="",
        redirect_uris=frozenset({CALLBACK}),
        options={"keys": str(keys)} | options,
        switch=FaultSwitch(at_once),
        now=clock.seconds,
    )
    world = World(settings, load_people("ctid", portraits=folder))
    with start_blocking_portal() as portal:
        spoiler = Spoiler(Hosts(portal, {"ctid.test": app_of(world)}))
        yield CtidWorld(world, keys, spoiler, clock, connector(keys, spoiler, clock))
