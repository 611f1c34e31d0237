"""The broker's application over a real database, with wallets, browsers and gates that talk to it."""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from broker.core.authorization import Grant, LoginSession, digest
from broker.core.linking import LinkOutcome
from broker.desk import Desk
from broker.flows.link_identity import link_identity
from broker.flows.ports import FaceExaminer
from broker.login_desk import LoginDesk
from broker.main import Ports, create_app
from broker.oidc.client import Clients, wallet_client
from broker.oidc.client_keys import ClientKeys, FetchError
from broker.oidc.keys import TokenKey, TokenKeys
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.issue import issue_tokens
from broker.settings import Settings, WalletSettings
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.oidc_store import OidcStorage
from broker.stores.oidc_store import OidcUnit as StoredUnit
from broker.stores.work import SqlWork, Works
from broker.web.services import Services
from broker.wire.identity_grant import IdentityGrant
from broker.wire.registry import KeyUse
from tests.ports.fakes import FakeExaminer
from tests.support.broker_world import EXAMINED, LINK_SECRET, World
from tests.support.errands import errands_of
from tests.support.rulebook import packaged

ISSUER = "http://127.0.0.1:8400"
WALLET = "http://127.0.0.1:8401"
RETURN = f"{WALLET}/consents"


def _b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _no_fetch(url: str) -> Any:
    raise FetchError("no address is called in these tests")


@dataclass
class WalletClient:
    """A wallet of one person: a DPoP key, an access token bound to it, and the nonce the broker last gave.

    `base` and `issuer` are the same address except in a test client.
    """

    http: httpx.Client
    token: str
    key: ec.EllipticCurvePrivateKey
    now: Callable[[], datetime]
    issuer: str = ISSUER
    nonce: str | None = None

    @property
    def jwk(self) -> dict[str, Any]:
        return dict(ECKey.import_key(self.key.public_key()).as_dict(private=False))

    def proof(self, method: str, path: str) -> str:
        claims = {
            "jti": uuid4().hex,
            "htm": method,
            "htu": self.issuer + path,
            "iat": int(self.now().timestamp()),
            "ath": _b64url(sha256(self.token.encode()).digest()),
        } | ({"nonce": self.nonce} if self.nonce else {})
        jwk = {name: self.jwk[name] for name in ("kty", "crv", "x", "y")}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": jwk})

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send with token and proof; once more when the broker asks for its nonce."""
        headers = dict(arguments.pop("headers", {}))
        for _ in range(2):
            signed = {"authorization": f"DPoP {self.token}", "dpop": self.proof(method, path.partition("?")[0])}
            answer = self.http.request(method, path, headers={**headers, **signed}, **arguments)
            self.nonce = answer.headers.get("dpop-nonce", self.nonce)
            if "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
                break
        return answer

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("GET", f"/wallet/v1{path}", **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("POST", f"/wallet/v1{path}", **arguments)

    def delete(self, path: str) -> httpx.Response:
        return self.call("DELETE", f"/wallet/v1{path}")


@dataclass
class WebWorld:
    """`world` holds the flows and the clock (`world.at`); the application works on the same database and keys."""

    database: Database
    home: Path
    examiner: FaceExaminer = field(default_factory=lambda: FakeExaminer(EXAMINED))
    providers: dict[str, Any] = field(default_factory=dict)
    threads: int = 8

    def __post_init__(self) -> None:
        self.keys = FileKeyStore.open(self.home / "keystore")
        self.world = World(Works(self.database), self.keys)
        self.storage = OidcStorage(self.database)
        self.settings = Settings(
            home=self.home,
            issuer=ISSUER,
            language="en",
            threads=self.threads,
            wallet=WalletSettings(origins=(WALLET,), redirect_uris=(f"{WALLET}/callback",), return_uris=(RETURN,)),
        )
        works, rulebook = Works(self.database), packaged()

        def work_of(unit: OidcUnit) -> SqlWork:
            return works.on(cast(StoredUnit, unit).uow)

        desk = Desk(work_of, self.keys, rulebook, os.urandom)
        self.server = AuthorizationServer(
            issuer=ISSUER,
            clients=Clients(
                {"tongguan-wallet": wallet_client("tongguan-wallet", (f"{WALLET}/callback",))},
                self.storage.find_client,
                sandbox=True,
            ),
            token_keys=TokenKeys.fixed(TokenKey.of(ec.generate_private_key(ec.SECP256R1()))),
            secret_key=os.urandom(32),
            open_unit=self.storage.unit,
            admit=self.storage.admit,
            client_keys=ClientKeys(_no_fetch),
            consents=desk,
            logins=LoginDesk(work_of, os.urandom),
            release_claims=desk.release,
            run_errand=errands_of(self.storage.admit, self.storage.unit, desk.release, self.now),
            check_release=rulebook.partner.check,
            link_identity=self._link,
            connectors=self.providers,
            clock=self.now,
            entropy=os.urandom,
            language="en",
        )
        self.ports = Ports(self._services(), self.server)

    def now(self) -> datetime:
        return self.world.at

    def _link(
        self, unit: OidcUnit, grant: IdentityGrant, at: datetime, *, onto: UUID | None, browser: bytes
    ) -> LinkOutcome:
        assert isinstance(unit, StoredUnit)
        return link_identity(
            Works(self.database).on(unit.uow),
            keys=self.keys,
            link_secret=LINK_SECRET,
            grant=grant,
            at=at,
            entropy=os.urandom,
            onto=onto,
            browser=browser,
        )

    def pass_time(self, spent: timedelta) -> None:
        self.world.at += spent

    def _services(self) -> Services:
        signers = self.world.signers
        return Services(
            begin=self.world.begin,
            keys=self.keys,
            rulebook=self.world.rulebook,
            examiner=self.examiner,
            pass_signer=signers[KeyUse.PASS],
            status_signer=signers[KeyUse.STATUS],
            receipt_signer=signers[KeyUse.RECEIPT],
            answer_signer=signers[KeyUse.ANSWER],
            root_key=signers[KeyUse.ROOT].public,
            pass_keys=self.world.trusted_keys,
            ready=lambda: None,
            clock=self.now,
            entropy=os.urandom,
            issuer=ISSUER,
            language="en",
            wallet_origins=(WALLET,),
            return_uris=(RETURN,),
            statement_keys=(signers[KeyUse.ANSWER].public, signers[KeyUse.RECEIPT].public),
        )

    def use(self, **services: Any) -> None:
        """Put other services in place before `client` is opened."""
        self.ports = replace(self.ports, services=replace(self.ports.services, **services))

    @contextmanager
    def client(self) -> Iterator[TestClient]:
        """The running application. Server errors come back as answers, as over a network."""
        app = create_app(self.settings, self.ports)
        with TestClient(app, base_url=ISSUER, raise_server_exceptions=False, follow_redirects=False) as http:
            yield http

    def wallet(
        self,
        http: httpx.Client,
        traveller: UUID,
        *,
        scopes: frozenset[str] | None = None,
        auth_time: datetime | None = None,
    ) -> WalletClient:
        """A wallet logged in as that traveller, just now unless told, without the journey through a provider."""
        key = ec.generate_private_key(ec.SECP256R1())
        at = self.now()
        scopes = frozenset({"openid", "wallet"}) if scopes is None else scopes
        client = WalletClient(http, "", key, self.now)
        with self.storage.unit() as unit:
            subject = unit.pairwise_subject(traveller, "tongguan-wallet", _b64url(os.urandom(16)))
            grant = Grant(
                uuid4(), "tongguan-wallet", traveller, subject, "iamsmart", "urn:tongguan:acr:high", auth_time or at,
                scopes, ECKey.import_key(client.key.public_key()).thumbprint(), at, at + timedelta(days=1),
            )  # fmt: skip
            unit.add_grant(grant)
            issued = issue_tokens(self.server, unit, grant, scopes, at, nonce=None)
        client.token = str(issued.response["access_token"])
        return client

    def session(self, traveller: UUID) -> dict[str, str]:
        """The cookies of a browser in which that traveller is logged in."""
        value = _b64url(os.urandom(32))
        at = self.now()
        with self.storage.unit() as unit:
            unit.add_session(
                LoginSession(
                    digest(value), traveller, "iamsmart", "urn:tongguan:acr:high", at, at, at + timedelta(hours=1)
                )
            )
        return {"tongguan-session": value}


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer, checked for its form."""
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text[:300])
    document: dict[str, Any] = json.loads(answer.text)
    assert document["status"] == answer.status_code
    assert document["type"].startswith("/problems/")
    assert document["title"]
    assert document["detail"]
    return document


__all__ = ["ISSUER", "LINK_SECRET", "RETURN", "WALLET", "WalletClient", "WebWorld", "problem"]
