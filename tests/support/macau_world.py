"""Macau One Account in one process: mock and connector, a browser, and a place in between to spoil answers."""

from __future__ import annotations

import json
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
from joserfc.jwk import ECKey
from pydantic import SecretStr

from broker.wire.identity_connector import LoginStart, Redirection
from broker.wire.identity_grant import IdentityGrant
from connectors.adapter import Surroundings
from connectors.fetch import Fetcher
from connectors.macau import MacauConnector, MacauSettings
from connectors.macau.make_key import make_key
from connectors.mock_idps.faults import FaultSwitch
from connectors.mock_idps.macau.server import app_of
from connectors.mock_idps.macau.state import World
from connectors.mock_idps.people import load_people
from connectors.mock_idps.settings import MockSettings
from tests.support.oidc_world import Hosts
from tests.support.provider_pages import at_macau

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ISSUER = "http://macau.test"
CALLBACK = "http://broker.test/login/macau/callback"
APPROVED = "http://broker.test/approvals/macau/callback"
NOTICES = "http://broker.test/providers/macau/callback"
SECRET = "the secret: ü %+&"
PORTRAIT = b"\xff\xd8\xff\xe0 a synthetic photograph"


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
class MacauWorld:
    """`notices` are the pushes the mock sent: (url, body, media type); `status` is what it is told."""

    world: World
    connector: MacauConnector
    spoiler: Spoiler
    clock: Clock
    keys: Path
    notices: list[tuple[str, bytes, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    begun: Redirection | None = None

    def browser(self) -> httpx.Client:
        return httpx.Client(transport=self.spoiler, trust_env=False)

    def start(self, redirect_uri: str = CALLBACK, language: str = "en") -> LoginStart:
        return LoginStart("the-state", redirect_uri, language, self.clock.at, os.urandom)

    def answer(
        self,
        person: str = "macau-sousa",
        *,
        begun: Redirection | None = None,
        browser: httpx.Client | None = None,
        **walk: Any,
    ) -> dict[str, str]:
        """The callback's parameters after a login in the browser."""
        self.begun = begun or self.connector.begin(self.start())
        browser = browser or self.browser()
        back = at_macau(browser, browser.get(self.begun.url), person, **walk)
        assert back.status_code == 303, (back.status_code, back.text[:500])
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    def finish(self, answer: dict[str, str]) -> IdentityGrant:
        assert self.begun is not None
        return self.connector.finish(answer, memory=self.begun.memory, redirect_uri=CALLBACK, at=self.clock.at)

    def login(self, person: str = "macau-sousa", **walk: Any) -> IdentityGrant:
        return self.finish(self.answer(person, **walk))

    def new_key(self) -> str:
        """Another key of ours: private in the folder, public first in the registered set. Returns its kid."""
        kid = make_key(self.keys)
        register(self.keys, [kid])
        return kid


def register(folder: Path, kids: list[str]) -> None:
    """What the bureau knows of us, in that order."""
    keys = [
        ECKey.import_key((folder / f"{kid}.pem").read_bytes(), {"kid": kid, "use": "enc"}).as_dict(private=False)
        for kid in kids
    ]
    (folder / "registered.jwks").write_text(json.dumps({"keys": keys}))


@contextmanager
def macau_world(folder: Path, **options: str) -> Iterator[MacauWorld]:
    """`folder` gets the department's keys and a photograph for everybody but macau-lei."""
    for person in load_people("macau", portraits=folder):
        if person != "macau-lei":
            (folder / f"{person}.jpg").write_bytes(PORTRAIT)
    register(folder, [make_key(folder)])
    clock = Clock()
    notices: list[tuple[str, bytes, str]] = []
    statuses: list[int] = []

    async def sleep(_: float) -> None:
        return None

    async def send(url: str, body: bytes, media_type: str) -> int:
        notices.append((url, body, media_type))
        return statuses.pop(0) if statuses else 202

    settings = MockSettings(
        issuer=ISSUER,
        client_id="tongguan",
        client_secret=SECRET,
        redirect_uris=frozenset({CALLBACK, APPROVED}),
        callback_url=NOTICES,
        options={"recipient_keys": str(folder / "registered.jwks"), **options},
        switch=FaultSwitch(sleep),
        now=clock.seconds,
    )
    world = World(settings, load_people("macau", portraits=folder), send=send)
    with start_blocking_portal() as portal:
        spoiler = Spoiler(Hosts(portal, {"macau.test": app_of(world)}))
        connector = MacauConnector(
            "macau",
            MacauSettings(
                issuer=ISSUER,
                client_id="tongguan",
                client_secret=SecretStr(SECRET),
                department="tongguan",
                department_keys=folder,
            ),
            Surroundings(Fetcher("macau", httpx.Client(transport=spoiler)), folder),
        )
        yield MacauWorld(world, connector, spoiler, clock, folder, notices, statuses)
