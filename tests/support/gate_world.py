"""A gate and everything around it in one process: keys, lists, passes, a broker that answers, a face that matches."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from broker.wire import device_proof, hpke, sealed_template, status_list, travel_pass, trust_list
from broker.wire.gate_api import ReleaseRequest, verify_request
from broker.wire.keys import LocalSigner, compressed_point
from broker.wire.qr_payload import TravelQr, parse_qr
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import FaceTemplate, TemplatePart, TemplatePayload
from broker.wire.status_list import StatusList, bits_of
from broker.wire.travel_pass import PassClaims, PassMode
from broker.wire.trust_list import TrustedKey, TrustList
from gate_client.broker_client import BrokerRefused, BrokerUnreachable
from gate_client.clock_store import ClockStore
from gate_client.core.decision import Score
from gate_client.database import open_database
from gate_client.devices.code_reader import CodeReader
from gate_client.devices.doors import Doors, SimulatedDoors
from gate_client.devices.frames import Image
from gate_client.evidence import ImageKeeper, KeepNothing
from gate_client.lane import Hardware, Lane
from gate_client.matcher import FaceRefused, Match
from gate_client.outbox import Outbox
from gate_client.session import Checks
from gate_client.spending import Spending
from gate_client.stopwatch import Stopwatch
from gate_client.template_source import GateIdentity, Releases, TemplateSource
from gate_client.trust_store import TrustStore
from gate_client.watcher import Watcher

NOON = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)
ZONE = "HK-SZB"
EMBEDDERS = "mobilefacenet-192"
FRAME = np.zeros((8, 8, 3), np.uint8)


class SetClock:
    """A clock that stands still until it is told."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Authority:
    """The broker's keys, and what it signs with them."""

    def __init__(self) -> None:
        self.root = LocalSigner.generate(KeyUse.ROOT)
        self.passes = LocalSigner.generate(KeyUse.PASS)
        self.status = LocalSigner.generate(KeyUse.STATUS)
        self._indices = itertools.count(7)

    def trust_list(self, at: datetime = NOON, version: int = 1, lifetime: timedelta = timedelta(days=7)) -> bytes:
        since, until = whole(at) - timedelta(days=1), whole(at) + timedelta(days=30)
        keys = tuple(TrustedKey(signer.public, since, until) for signer in (self.passes, self.status))
        return trust_list.sign(TrustList(version, whole(at), whole(at) + lifetime, keys), self.root)

    def status_list(self, *revoked: int, at: datetime = NOON, version: int = 1) -> bytes:
        listed = StatusList(0, version, whole(at), whole(at) + timedelta(days=1), bits_of(revoked))
        return status_list.sign(listed, self.status)

    def wallet(self, *, at: datetime = NOON, mode: PassMode = PassMode.ONLINE, secret: bytes = bytes(32)) -> WalletPass:
        """Mint a pass for a fresh device key, with a template that commits to it."""
        key = ec.generate_private_key(ec.SECP256R1())
        payload = TemplatePayload(
            os.urandom(16), FaceTemplate((TemplatePart(EMBEDDERS, os.urandom(192)),)), (os.urandom(16),)
        )
        lifetime = timedelta(minutes=10) if mode is PassMode.ONLINE else timedelta(hours=24)
        claims = PassClaims(
            pass_id=os.urandom(16),
            zone=ZONE,
            issued_at=whole(at),
            not_before=whole(at),
            expires_at=whole(at) + lifetime,
            device_key=compressed_point(key.public_key()),
            status_index=next(self._indices),
            commitment=sealed_template.commitment(payload.salt, payload.template.encode()),
            mode=mode,
        )
        return WalletPass(self.passes, claims, key, payload, epoch_of_day(at), secret)


@dataclass(frozen=True)
class WalletPass:
    """A pass in a phone."""

    signer: LocalSigner
    claims: PassClaims
    key: ec.EllipticCurvePrivateKey
    payload: TemplatePayload
    epoch: int
    secret: bytes

    def but(self, **changes: object) -> WalletPass:
        return replace(self, claims=replace(self.claims, **changes))  # type: ignore[arg-type]

    def code(self, at: datetime = NOON) -> TravelQr:
        raw = travel_pass.mint(self.claims, self.signer)
        counter = device_proof.counter_at(at)
        sealed = None
        if self.claims.mode is PassMode.OFFLINE:
            sealed = sealed_template.seal_for_qr(
                self.payload, epoch_secret=self.secret, epoch=self.epoch, pass_id=self.claims.pass_id
            )
        return TravelQr(raw, counter, device_proof.sign(self.key, raw, counter), sealed)

    def text(self, at: datetime = NOON) -> str:
        return self.code(at).to_text()


class FakeBroker:
    """Answers releases from what it was told; `reachable=False` is a cut line, `refuses` a decision."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.templates: dict[bytes, TemplatePayload] = {}
        self.reachable = True
        self.refuses: Reason | None = None
        self.requests: list[ReleaseRequest] = []
        self.gate: LocalSigner = LocalSigner.generate(KeyUse.GATE)

    def holds(self, *wallets: WalletPass) -> None:
        for wallet in wallets:
            self.templates[wallet.claims.pass_id] = wallet.payload

    def release(self, signed_request: bytes) -> bytes:
        if not self.reachable:
            raise BrokerUnreachable("cut")
        message = verify_request(signed_request, lambda kid: self.gate.public, at=self._clock())
        assert isinstance(message, ReleaseRequest)
        self.requests.append(message)
        if self.refuses is not None:
            raise BrokerRefused(self.refuses, "told to")
        raw = parse_qr(message.qr).pass_bytes
        payload = next(p for pass_id, p in self.templates.items() if pass_id in raw)
        return hpke.seal(payload.encode(), message.hpke_public, message.info(signed_request))


@dataclass
class FakeMatcher:
    """Scores are dealt out in order; a Reason is a refused frame, an exception is raised."""

    answers: list[float | Reason | Exception] = field(default_factory=lambda: [0.9])
    threshold: float = 0.5
    calls: int = 0

    @property
    def model_hashes(self) -> Mapping[str, str]:
        return {"model": "00" * 32}

    def match(self, frame: Image, payload: TemplatePayload, watch: Stopwatch) -> Match:
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, Reason):
            raise FaceRefused(answer, "told to")
        if isinstance(answer, Exception):
            raise answer
        return Match(Score(answer, self.threshold, EMBEDDERS), frame)


class NoReader:
    """For lanes that are shown text."""

    def read(self, frame: Image) -> str:
        raise AssertionError("this lane is shown text")


@dataclass
class World:
    """One gate over a database file, with everything it needs within reach of a test."""

    path: Path
    clock: SetClock = field(default_factory=SetClock)
    authority: Authority = field(default_factory=Authority)
    matcher: FakeMatcher = field(default_factory=FakeMatcher)
    doors: Doors = field(default_factory=SimulatedDoors)
    reader: CodeReader = field(default_factory=NoReader)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = FakeBroker(self.clock)
        self.db: sqlite3.Connection = open_database(self.path)
        self.outbox = Outbox(self.db)
        self.clock_store = ClockStore(self.db)
        self.spending = Spending(self.db, self.outbox, self.clock_store)
        self.trust = TrustStore(self.db, self.authority.root.public)
        self.identity = GateIdentity("gate-1", ZONE, self.broker.gate)

    def stock(self) -> World:
        """Put the first lists in place."""
        self.trust.accept_trust_list(self.authority.trust_list(self.clock()), at=self.clock())
        self.trust.accept_status_list(self.authority.status_list(at=self.clock()), 0, at=self.clock())
        return self

    def source(self, releases: Releases | None = None) -> TemplateSource:
        return TemplateSource(
            self.identity, releases or self.broker, lambda epoch, at: self.trust.secret(epoch, at=at), os.urandom
        )

    def lane(
        self,
        name: str = "lane-1",
        *,
        doors: Doors | None = None,
        spending: Spending | None = None,
        releases: Releases | None = None,
        keeper: ImageKeeper | None = None,
        watcher: Watcher | None = None,
        start: bool = True,
    ) -> Lane:
        hardware = Hardware(self.reader, doors or self.doors, self.clock, os.urandom)
        checks = Checks(
            lane=name,
            zone=ZONE,
            clock_store=self.clock_store,
            trust=self.trust,
            spending=spending or self.spending,
            source=self.source(releases),
            matcher=self.matcher,
            keeper=keeper or KeepNothing(),
            log=self.log.append,
        )
        lane = Lane(hardware, checks, watcher=watcher)
        if start:
            lane.start()
        return lane

    def wallet(self, mode: PassMode = PassMode.ONLINE) -> WalletPass:
        wallet = self.authority.wallet(at=self.clock(), mode=mode)
        self.broker.holds(wallet)
        return wallet


def whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def epoch_of_day(at: datetime) -> int:
    return int(at.timestamp() // 86400)
