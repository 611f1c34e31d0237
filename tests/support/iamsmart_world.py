"""iAM Smart's connector against its mock in one process: real ASGI, callbacks caught on their way, faults by switch."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from anyio.from_thread import start_blocking_portal
from cryptography.hazmat.primitives.asymmetric import rsa

from broker.wire.identity_connector import LoginStart, Redirection
from broker.wire.identity_grant import IdentityGrant
from broker.wire.keys import Entropy
from connectors.adapter import Surroundings
from connectors.iamsmart import IamSmartConnector, IamSmartSettings
from connectors.iamsmart.content_key import KeyWrap
from connectors.iamsmart.envelope import open_envelope, seal
from connectors.iamsmart.request_signature import SignatureRule
from connectors.mock_idps.faults import FaultSwitch
from connectors.mock_idps.iamsmart.authority import (
    AUTHORITY,
    SERVICE_CERTIFICATE,
    SERVICE_KEY,
)
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.server import create_app, make_provider
from connectors.mock_idps.iamsmart.service import Service, read_public_key
from connectors.mock_idps.people import load_people
from connectors.mock_idps.settings import MockSettings
from tests.support.html_forms import form_with, submit
from tests.support.iamsmart_keys import iamsmart_keys
from tests.support.mock_providers import callbacks as registered
from tests.support.oidc_world import FakeClock, Hosts

ISSUER = "http://iamsmart.test"
BROKER = "http://broker.test"
CALLBACK = f"{BROKER}/login/iamsmart/callback"
APPROVALS = f"{BROKER}/approvals/iamsmart/callback"
CLIENT, SECRET = "tongguan", "the secret: ü %+&"
PORTRAIT = b"\xff\xd8\xff\xe0 a synthetic photograph of "


@cache
def another_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Wire(httpx.BaseTransport):
    """What lies between connector and mock: counts, records, and may replace requests or answers, by path."""

    inner: httpx.BaseTransport
    answers: dict[str, Callable[[httpx.Response], httpx.Response]] = field(default_factory=dict)
    requests: dict[str, Callable[[httpx.Request], httpx.Request]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path in self.requests:
            request = self.requests[path](request)
        request.read()
        self.asked.append(request)
        response = self.inner.handle_request(request)
        return self.answers[path](response) if path in self.answers else response

    def count(self, path: str) -> int:
        return sum(request.url.path == f"/api/v1{path}" for request in self.asked)


@dataclass
class IamSmartWorld:
    """A connector, its mock, and people with browsers."""

    provider: Provider
    connector: IamSmartConnector
    clock: FakeClock
    switch: FaultSwitch
    wire: Wire
    hosts: Hosts
    callbacks: list[bytes]
    begun: Redirection | None = None

    def reseal(self, path: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """From now on answers at `path` carry what `change` makes of their content, sealed as genuinely as before."""

        def answer(response: httpx.Response) -> httpx.Response:
            members = json.loads(response.read())
            key = self.provider.keys.get(CLIENT).key
            content = change(json.loads(open_envelope(key, members["content"])))
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            members["content"] = seal(key, raw, iv=os.urandom(12))
            return httpx.Response(200, json=members)

        self.wire.answers[path] = answer

    def browser(self) -> httpx.Client:
        return httpx.Client(transport=self.hosts, trust_env=False)

    def start(self, *, redirect_uri: str = CALLBACK, state: str = "the-state", language: str = "en") -> LoginStart:
        return LoginStart(state, redirect_uri, language, self.clock.at, os.urandom)

    def answer(
        self,
        url: str,
        person: str = "iamsmart-chan",
        *,
        share: list[str] | None = None,
        decision: str = "allow",
        after: float = 0,
    ) -> dict[str, str]:
        """A person scans, decides `after` seconds, and is sent back: the parameters they arrive with."""
        browser = self.browser()
        page = browser.get(url)
        chosen = submit(browser, page, form_with(page, "person", person), press=("person", person))
        form = form_with(chosen, "decision", decision)
        ticked = [box for box in form.checkboxes if share is None or box[1] in share]
        self.clock.forward(seconds=after)
        back = submit(browser, chosen, form, press=("decision", decision), tick=ticked)
        assert back.status_code == 303, back.text
        return dict(parse_qsl(urlsplit(back.headers["location"]).query, keep_blank_values=True))

    def connect_as(self, **change: Any) -> IamSmartConnector:
        """Another connector on the same wire."""
        return build_connector(httpx.Client(transport=self.wire, trust_env=False), **change)

    def login(self, person: str = "iamsmart-chan", **how: Any) -> IdentityGrant:
        begun = self.connector.begin(self.start())
        return self.finish(self.answer(begun.url, person, **how))

    def finish(self, answer: Mapping[str, str]) -> IdentityGrant:
        return self.connector.finish(answer, memory=b"", redirect_uri=CALLBACK, at=self.clock.at)

    def approve(self, begun: Redirection, person: str = "iamsmart-chan", **how: Any) -> dict[str, str]:
        """A person answers a started request; its callbacks reach the connector before the browser does."""
        answer = self.answer(begun.url, person, **how)
        for body in self.callbacks:
            self.connector.receive({}, body, at=self.clock.at)
        self.callbacks.clear()
        return answer


def build_connector(http: httpx.Client, *, entropy: Entropy = os.urandom, **change: Any) -> IamSmartConnector:
    """`change` replaces members of the settings."""
    folder = iamsmart_keys()
    table = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "private_key": folder / SERVICE_KEY,
        "signing_anchors": folder / AUTHORITY,
        "portrait": "synthetic_field",
        **change,
    }
    settings = IamSmartSettings.model_validate(table)
    around = Surroundings(settings.fetcher("iamsmart", http), folder)
    return IamSmartConnector("iamsmart", settings, around, entropy=entropy)


def other_service(client_id: str = "another", *, certified: bool = True) -> Service:
    return Service(
        client_id=client_id,
        client_secret="another secret",
        redirect_uris=frozenset({CALLBACK}),
        callback_url=None,
        public_key=read_public_key(iamsmart_keys() / SERVICE_CERTIFICATE) if certified else None,
        rule=SignatureRule(),
        wrap=KeyWrap.PKCS1V15,
    )


@contextmanager
def iamsmart_world(
    portraits: Path, *, broker: str = BROKER, options: Mapping[str, str] | None = None, **change: Any
) -> Iterator[IamSmartWorld]:
    """`options`: of the mock beside its keys; `change`: of the connector's settings."""
    clock, callbacks = FakeClock(), []
    redirect_uris, callback_url = registered(broker, "iamsmart")
    for person in load_people("iamsmart", portraits=portraits):
        (portraits / f"{person}.jpg").write_bytes(PORTRAIT + person.encode())

    async def no_sleep(_: float) -> None:
        return

    async def send(url: str, body: bytes) -> None:
        assert url == callback_url
        callbacks.append(body)

    switch = FaultSwitch(no_sleep)
    settings = MockSettings(
        issuer=ISSUER,
        client_id=CLIENT,
        client_secret=SECRET,
        redirect_uris=redirect_uris,
        callback_url=callback_url,
        options={"keys": str(iamsmart_keys()), **(options or {})},
        switch=switch,
        now=clock.seconds,
    )
    people = load_people("iamsmart", portraits=portraits)
    provider = make_provider(settings, people, others=[other_service(), other_service("uncertified", certified=False)])
    with start_blocking_portal() as portal:
        app = create_app(settings, people, provider=provider, send=send)
        hosts = Hosts(portal, {"iamsmart.test": app})
        wire = Wire(hosts)
        connector = build_connector(httpx.Client(transport=wire, trust_env=False), **change)
        yield IamSmartWorld(provider, connector, clock, switch, wire, hosts, callbacks)
