"""Authorization server and three mock providers in one process: real ASGI applications, real or fake memory."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import Depends, FastAPI

from broker.core.authorization import Admission
from broker.core.client import Client
from broker.core.linking import Linked, LinkOutcome
from broker.login_desk import LoginDesk
from broker.oidc import routes
from broker.oidc.client import Clients, wallet_client
from broker.oidc.client_keys import ClientKeys, FetchError
from broker.oidc.keys import TokenKey, TokenKeys
from broker.oidc.ports import Mark, OidcUnit
from broker.oidc.resource import AccessToken, require_token
from broker.oidc.server import AuthorizationServer, Lifetimes
from broker.wire.identity_grant import IdentityGrant
from tests.ports.fake_partners import FakePartnerEvents
from tests.support.errands import errands_of
from tests.support.fake_desk import FakeDesk
from tests.support.mounted_mocks import MountedMocks
from tests.support.rsa_keys import rsa_private_key
from tests.support.rulebook import packaged
from tests.support.wallet_client import WalletClient

ISSUER = "http://broker.test"
WALLET = "http://wallet.test"
REDIRECT = f"{WALLET}/callback"
OTHER_CLIENT = "another-wallet"
_PEOPLE = UUID("6f2b6a56-0b3b-4b7e-9a55-111111111111")


class Hosts(httpx.BaseTransport):
    """Routes requests by host name: to ASGI applications, run on one event loop, or to any other transport."""

    def __init__(self, portal: BlockingPortal, hosts: Mapping[str, Any]) -> None:
        self._portal = portal
        self.hosts: dict[str, Any] = dict(hosts)
        self.mocks: Callable[[str], Any | None] = lambda host: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = self.hosts.get(request.url.host) or self.mocks(request.url.host)
        if target is None:
            raise httpx.ConnectError("no such host", request=request)
        if isinstance(target, httpx.BaseTransport):
            return target.handle_request(request)
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        return self._portal.call(self._answer, target, whole)

    async def _answer(self, app: Any, request: httpx.Request) -> httpx.Response:
        response = await httpx.ASGITransport(app).handle_async_request(request)
        body = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=body)


@dataclass
class FakeClock:
    """Time that moves when told."""

    at: datetime = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


class Storage(Protocol):
    """The server's memory, fake or real."""

    def unit(self) -> AbstractContextManager[Any]: ...

    def admit(
        self,
        marks: Sequence[Mark],
        *,
        client_id: str | None = None,
        grant_id: UUID | None = None,
        token_hash: bytes | None = None,
    ) -> Admission: ...

    def find_client(self, client_id: str) -> Client | None: ...


@dataclass
class KeySets:
    """JWKS documents by address; `fetched` counts."""

    documents: dict[str, Any] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> Any:
        self.fetched.append(url)
        if url not in self.documents:
            raise FetchError("nothing is there")
        return self.documents[url]


@dataclass
class OidcWorld:
    """Everything a login test needs. `linked` are the grants that reached `link_identity`."""

    app: FastAPI
    server: AuthorizationServer
    clock: FakeClock
    hosts: Hosts
    linked: list[IdentityGrant]
    storage: Storage
    desk: FakeDesk
    key_sets: KeySets
    events: FakePartnerEvents

    def client(self) -> httpx.Client:
        """A browser, or any other HTTP client, of its own."""
        return httpx.Client(transport=self.hosts, trust_env=False)

    def wallet(self) -> WalletClient:
        """A wallet in a browser of its own."""
        return WalletClient(ISSUER, REDIRECT, browser=self.client(), api=self.client(), now=self.clock.seconds)

    def logged_in(self, provider: str = "iamsmart", person: str = "iamsmart-chan") -> WalletClient:
        wallet = self.wallet()
        wallet.login(provider, person)
        return wallet


def person_of(grant: IdentityGrant) -> UUID:
    """A stand-in for link_identity: the same person for the same issuer and subject."""
    return uuid5(_PEOPLE, f"{grant.issuer}\0{grant.subject}")


@contextmanager
def oidc_world(storage: Storage, portraits: Path) -> Iterator[OidcWorld]:
    """Mount everything. `portraits` is filled with a synthetic photograph for each person."""
    with start_blocking_portal() as portal:
        yield _mounted(portal, storage, portraits)


def _mounted(portal: BlockingPortal, storage: Storage, portraits: Path) -> OidcWorld:
    clock = FakeClock()
    app = FastAPI()
    hosts = Hosts(portal, {urlsplit(ISSUER).hostname or "": app})
    linked: list[IdentityGrant] = []

    def link(unit: OidcUnit, grant: IdentityGrant, at: datetime, *, onto: UUID | None, browser: bytes) -> LinkOutcome:
        linked.append(grant)
        return Linked(person_of(grant), first=False)

    mocks = MountedMocks(ISSUER, portraits, clock.seconds, httpx.Client(transport=hosts, trust_env=False))
    hosts.mocks = mocks.application
    events, key_sets = FakePartnerEvents(), KeySets()

    def work_of(unit: OidcUnit) -> Any:
        """What ending logins takes of a work."""
        return SimpleNamespace(logins=unit, clients=SimpleNamespace(find=storage.find_client), partner_events=events)

    logins = LoginDesk(work_of, os.urandom)
    desk = FakeDesk(logins)
    server = AuthorizationServer(
        issuer=ISSUER,
        clients=Clients(
            {name: wallet_client(name, (REDIRECT,)) for name in ("tongguan-wallet", OTHER_CLIENT)},
            storage.find_client,
            sandbox=True,
        ),
        token_keys=TokenKeys.fixed(
            TokenKey.of(ec.generate_private_key(ec.SECP256R1())), rsa=TokenKey.of(rsa_private_key())
        ),
        secret_key=os.urandom(32),
        open_unit=storage.unit,
        admit=storage.admit,
        client_keys=ClientKeys(key_sets.fetch, minimum_interval=timedelta(seconds=30)),
        consents=desk,
        logins=logins,
        release_claims=desk.release,
        run_errand=errands_of(storage.admit, storage.unit, desk.release, clock),
        check_release=packaged().partner.check,
        link_identity=link,
        connectors=mocks,
        clock=clock,
        entropy=os.urandom,
        lifetimes=Lifetimes(),
    )
    routes.install(app, server)
    routes.offer_nonces(app, server)
    desk.serve(app)
    needs_token = Depends(require_token("wallet"))

    @app.get("/wallet/v1/me")
    def me(token: AccessToken = needs_token) -> dict[str, str]:
        return {"traveller": token.subject, "inside": str(token.traveller_id), "provider": token.provider}

    return OidcWorld(app, server, clock, hosts, linked, storage, desk, key_sets, events)
