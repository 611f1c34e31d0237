"""A broker's flows ready to run, over fakes or a real database, with a traveller, a wallet and gates at hand."""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from broker.core.denial import Denied
from broker.core.gate import Gate
from broker.core.linking import Linked, LinkOutcome
from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS
from broker.core.rulebook import Rulebook
from broker.flows.enrol import Enrolled, enrol
from broker.flows.enrol_gate import enrol_gate, invite_gate
from broker.flows.give_consent import Given, give_consent
from broker.flows.issue_consent_grant import Granting
from broker.flows.link_identity import link_identity
from broker.flows.mint_pass import MintedPass, mint_pass
from broker.flows.ports import BeginWork, Examined, FaceExaminer, KeyStore, Work
from broker.flows.release_template import Released, release_template
from broker.flows.withdraw_consent import Withdrawn, withdraw_consent
from broker.wire import device_proof, gate_api, hpke
from broker.wire.identity_grant import (
    Assurance,
    DocumentType,
    EvidenceKind,
    IdentityGrant,
    Verification,
    VerifiedClaims,
)
from broker.wire.keys import LocalSigner, compressed_point
from broker.wire.qr_payload import TravelQr
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import FaceTemplate, TemplatePart
from broker.wire.travel_pass import PassMode
from broker.wire.trust_list import TrustedKey, TrustList
from tests.ports.fakes import FakeExaminer
from tests.support.rulebook import packaged

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
# A clock never stands at a whole second; formats do.
A_MOMENT_LATER = NOON + timedelta(seconds=7, microseconds=123_456)
ZONE = "HK-SZB"
OTHER_ZONE = "CN-SZB"
LINK_SECRET = b"L" * 32
TEMPLATE = FaceTemplate((TemplatePart("dlib-resnet-v1", bytes(128)), TemplatePart("mobilefacenet-192", bytes(192))))
EXAMINED = Examined(TEMPLATE, 0.71, 0.42, {"dlib-resnet-v1": "ab" * 32}, "cd" * 32)


def entropy_of(seed: bytes = b"test") -> "Stream":
    """Bytes that repeat from run to run and never within one."""
    return Stream(seed)


class Stream:
    def __init__(self, seed: bytes) -> None:
        self._seed, self._calls = seed, count()

    def __call__(self, size: int) -> bytes:
        return hashlib.shake_256(self._seed + next(self._calls).to_bytes(8, "big")).digest(size)


class WorksLike(Protocol):
    def begin(self) -> AbstractContextManager[Work]: ...


@dataclass
class Phone:
    """The wallet's side of passes: device keys, and codes with proofs."""

    keys: dict[bytes, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def new_keys(self, number: int = 1) -> list[bytes]:
        made = [ec.generate_private_key(ec.SECP256R1()) for _ in range(number)]
        points = [compressed_point(key.public_key()) for key in made]
        self.keys |= dict(zip(points, made, strict=True))
        return points

    def code(self, minted: MintedPass, at: datetime) -> str:
        counter = device_proof.counter_at(at)
        proof = device_proof.sign(self.keys[minted.device_key], minted.pass_bytes, counter)
        return TravelQr(minted.pass_bytes, counter, proof, minted.sealed_template).to_text()


@dataclass
class Lane:
    """A gate that asks the broker."""

    gate: Gate
    signer: LocalSigner
    key: hpke.RecipientKey = field(default_factory=hpke.RecipientKey.generate)
    entropy: Stream = field(default_factory=lambda: entropy_of(b"lane"))

    def request(self, code: str, at: datetime, *, zone: str | None = None) -> tuple[gate_api.ReleaseRequest, bytes]:
        where = zone or self.gate.zone
        message = gate_api.ReleaseRequest(self.entropy(16), self.gate.gate_id, where, code, self.key.public_bytes(), at)
        return message, gate_api.sign_request(message, self.signer)

    def report(self, *events: gate_api.CrossingEvent) -> bytes:
        return gate_api.sign_request(gate_api.CrossingReport(self.gate.gate_id, self.gate.zone, events), self.signer)

    def crossed(self, pass_id: bytes | None, at: datetime, *, opened: bool = True) -> gate_api.CrossingEvent:
        decision = gate_api.Decision.CLEARED if opened else gate_api.Decision.REFERRED
        return gate_api.CrossingEvent(
            self.entropy(16), pass_id, decision, (), gate_api.CrossingMode.ONLINE,
            gate_api.Liveness.NOT_ASSESSED, opened, at, 0.7, 0.4,
        )  # fmt: skip


def decided(world: "World", score: int, **other: str) -> dict[str, object]:
    """What the entry of a release says of its decision: by default one that crosses no border."""
    policy = world.rulebook.transfers.policy.at(world.at).hash
    home = {"transfer": "allow", "mechanism": "not_regulated_export", "band": "green", "origin": "HK"}
    return {"policy": policy, "score": score, **home, "destination": "HK", **other}


@dataclass
class World:
    """Every flow with its collaborators already given."""

    works: WorksLike
    keys: KeyStore
    at: datetime = NOON
    entropy: Stream = field(default_factory=entropy_of)
    rulebook: Rulebook = field(default_factory=packaged)
    phone: Phone = field(default_factory=Phone)

    def __post_init__(self) -> None:
        self.signers = {use: LocalSigner.generate(use) for use in KeyUse}
        keys = tuple(
            TrustedKey(self.signers[use].public, NOON - timedelta(days=1), NOON + timedelta(days=365))
            for use in (KeyUse.PASS, KeyUse.STATUS)
        )
        self.trusted_keys = keys
        self.trust_list = TrustList(1, NOON - timedelta(days=1), NOON + timedelta(days=300), keys)

    @property
    def begin(self) -> BeginWork:
        return self.works.begin

    def grant(self, subject: str = "person-1", portrait: bytes = b"\xff\xd8\xff portrait") -> IdentityGrant:
        # One document a person.
        others = f"B{int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], 'big') % 10**7:07d}"
        number = "A1234563" if subject in ("person-1", "a") else others
        claims = VerifiedClaims(
            family_name="CHAN", given_name="Siu Ming", native_name="陳小明", birth_date=datetime(1990, 1, 2).date(),  # noqa: DTZ001
            document_type=DocumentType.HKID, document_number=number,
        )  # fmt: skip
        return IdentityGrant(
            provider="iamsmart", issuer="https://iamsmart.example", subject=subject, acr=Assurance.HIGH,
            provider_acr="face", auth_time=self.at, expires_at=self.at + timedelta(hours=1), claims=claims,
            verification=Verification(
                trust_framework="hk_iamsmart", time=self.at, evidence=EvidenceKind.ELECTRONIC_RECORD
            ),
            scopes=frozenset({"openid"}), portrait=portrait, evidence_hash=b"e" * 32,
        )  # fmt: skip

    def link(self, subject: str = "person-1") -> Linked:
        outcome = self.arrive(self.grant(subject))
        assert isinstance(outcome, Linked), outcome
        return outcome

    def arrive(self, grant: IdentityGrant, *, onto: UUID | None = None, browser: bytes = b"") -> LinkOutcome:
        with self.begin() as work:
            return link_identity(
                work, keys=self.keys, link_secret=LINK_SECRET, grant=grant, at=self.at, entropy=self.entropy,
                onto=onto, browser=browser,
            )  # fmt: skip

    def consent(self, traveller: UUID, purpose: str, zone: str | None = None) -> Given:
        with self.begin() as work:
            return give_consent(
                work, keys=self.keys, rulebook=self.rulebook, receipt_signer=self.signers[KeyUse.RECEIPT],
                issuer="https://broker.example", traveller=traveller, purpose=purpose, zone=zone, language="en",
                at=self.at, entropy=self.entropy,
            )  # fmt: skip

    def withdraw(self, traveller: UUID, consent_id: UUID) -> Withdrawn | Denied:
        with self.begin() as work:
            return withdraw_consent(
                work, keys=self.keys, status_signer=self.signers[KeyUse.STATUS], traveller=traveller,
                consent_id=consent_id, at=self.at, entropy=self.entropy,
            )  # fmt: skip

    def enrol(
        self, traveller: UUID, examiner: FaceExaminer | None = None, *, capture: bytes = b"capture"
    ) -> Enrolled | Denied:
        return enrol(
            self.begin, keys=self.keys, rulebook=self.rulebook, examiner=examiner or FakeExaminer(EXAMINED),
            status_signer=self.signers[KeyUse.STATUS], traveller=traveller, capture=capture, at=self.at,
            entropy=self.entropy,
        )  # fmt: skip

    def mint(
        self, traveller: UUID, device_keys: list[bytes] | None = None, mode: PassMode = PassMode.ONLINE,
        zone: str = ZONE, granting: Granting | None = None,
    ) -> tuple[MintedPass, ...] | Denied:  # fmt: skip
        with self.begin() as work:
            return mint_pass(
                work, keys=self.keys, rulebook=self.rulebook, pass_signer=self.signers[KeyUse.PASS],
                traveller=traveller, zone=zone, device_keys=device_keys or self.phone.new_keys(), mode=mode,
                at=self.at, entropy=self.entropy,
                granting=granting,
            )  # fmt: skip

    def release(self, request: bytes) -> Released | Denied:
        with self.begin() as work:
            return release_template(
                work, keys=self.keys, rulebook=self.rulebook, trust_list=self.trust_list, request=request,
                at=self.at, entropy=self.entropy,
                granting=Granting(self.signers[KeyUse.RECEIPT], "https://broker.example"),
            )  # fmt: skip

    def lane(self, zone: str = ZONE) -> Lane:
        signer = LocalSigner.generate(KeyUse.GATE)
        with self.begin() as work:
            invited = invite_gate(work, rulebook=self.rulebook, zone=zone, at=self.at, entropy=self.entropy)
        with self.begin() as work:
            gate = enrol_gate(
                work, code=invited.code, public_key=signer.public.to_cose_key(), at=self.at, entropy=self.entropy
            )
        assert isinstance(gate, Gate)
        return Lane(gate, signer, entropy=entropy_of(gate.kid))

    def ready(self, subject: str = "person-1", *, offline: bool = False) -> UUID:
        """A traveller who agreed to everything needed at ZONE and is enrolled."""
        traveller = self.link(subject).traveller
        self.prepare(traveller, offline=offline)
        return traveller

    def prepare(self, traveller: UUID, *, offline: bool = False) -> None:
        """Have a linked traveller agree to everything needed at ZONE, and enrol."""
        self.consent(traveller, FACE_ENROLMENT)
        self.consent(traveller, E_CHANNEL, ZONE)
        if offline:
            self.consent(traveller, OFFLINE_PASS, ZONE)
        enrolled = self.enrol(traveller)
        assert isinstance(enrolled, Enrolled), enrolled

    def one_pass(self, traveller: UUID, mode: PassMode = PassMode.ONLINE) -> MintedPass:
        minted = self.mint(traveller, mode=mode)
        assert isinstance(minted, tuple), minted
        return minted[0]
