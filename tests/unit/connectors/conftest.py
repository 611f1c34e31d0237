"""One connector against its mock provider, with a place in between to spoil what the provider says."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

import connectors
from broker.wire.identity_connector import IdentityConnector, LoginStart, Redirection
from broker.wire.identity_grant import IdentityGrant
from connectors.mock_idps.dialect import DIALECTS
from connectors.mock_idps.people import load_people
from connectors.mock_idps.server import MockProvider
from connectors.mock_idps.state import Registered
from tests.support.html_forms import form_with, submit
from tests.support.mock_providers import provider_key
from tests.support.oidc_world import Hosts

CALLBACK = "http://broker.test/login/{}/callback"
PEOPLE = {"macau": "macau-sousa"}
PORTRAIT = b"\xff\xd8\xff\xe0 a synthetic photograph"
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


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
class Bench:
    """A connector, its provider, and a person ready to log in."""

    name: str
    connector: IdentityConnector
    provider: MockProvider
    spoiler: Spoiler
    browser: httpx.Client
    begun: Redirection | None = None

    @property
    def callback(self) -> str:
        return CALLBACK.format(self.name)

    def code(self, person: str | None = None, *, share: list[str] | None = None) -> str:
        person = person or PEOPLE[self.name]
        self.begun = self.connector.begin(LoginStart("s", self.callback, "en", NOW, os.urandom))
        page = self.browser.get(self.begun.url)
        chosen = submit(self.browser, page, form_with(page, "person", person), press=("person", person))
        form = form_with(chosen, "decision", "allow")
        tick = [box for box in form.checkboxes if share is None or box[1] in share]
        back = submit(self.browser, chosen, form, press=("decision", "allow"), tick=tick)
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))["code"]

    def redeem(self, code: str | None = None, *, at: datetime = NOW, **change: str) -> IdentityGrant:
        """Finish the login; `change` replaces what was remembered (nonce, code_verifier) or the redirect_uri."""
        answer = {"code": code or self.code(), "state": "s"}
        redirect_uri = change.pop("redirect_uri", self.callback)
        memory = (json.loads(self.begun.memory) if self.begun else {"nonce": "n", "code_verifier": "v"}) | change
        return self.connector.finish(answer, memory=json.dumps(memory).encode(), redirect_uri=redirect_uri, at=at)

    @property
    def verifier(self) -> str:
        return str(json.loads(self.begun.memory)["code_verifier"]) if self.begun else "unused"


@pytest.fixture(params=sorted(DIALECTS))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    name: str = request.param
    for person in load_people(name, portraits=tmp_path):
        (tmp_path / f"{person}.jpg").write_bytes(PORTRAIT)
    provider = MockProvider(
        DIALECTS[name],
        issuer=f"http://{name}.test",
        people=load_people(name, portraits=tmp_path),
        client=Registered("tongguan", "the secret: ü %+&", frozenset({CALLBACK.format(name)})),
        key=provider_key(name),
        now=NOW.timestamp,
    )
    with start_blocking_portal() as portal:
        spoiler = Spoiler(Hosts(portal, {f"{name}.test": provider.app()}))
        connector = connectors.build(
            name,
            name,
            {"issuer": f"http://{name}.test/", "client_id": "tongguan", "client_secret": "the secret: ü %+&"},
            http=httpx.Client(transport=spoiler),
        )
        yield Bench(name, connector, provider, spoiler, httpx.Client(transport=spoiler))
