"""The ports of the flows in memory: what they promise, without a database. One thread at a time."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus, Use
from broker.core.denial import UnknownTraveller
from broker.core.departure import Departures
from broker.core.gate import Gate, Invitation
from broker.core.journal import JournalEntry, decode_entry, new_leaf
from broker.core.travel import IssuedPass, SealedTemplate
from broker.core.traveller import Traveller, VouchedClaims
from broker.flows.ports import (
    Entry,
    Examined,
    InclusionProof,
    JournalledUse,
    NotAccepted,
    PublishedList,
    PublishedTrustList,
)
from broker.wire.gate_api import CrossingEvent
from broker.wire.keys import Entropy
from broker.wire.merkle import leaf_hash
from broker.wire.status_list import LIST_BITS
from tests.ports.fake_changes import FakeChangeRegister
from tests.ports.fake_desks import FakeClaimsDesk, FakeMintingDesk, FakeReleaseDesk
from tests.ports.fake_identities import FakeIdentityLinks, FakeTokenVault
from tests.ports.fake_logins import FakeClientRegistry, FakeLogins
from tests.ports.fake_papers import FakeAlarmRegister, FakeAssessmentRegister, FakeFilingRegister
from tests.ports.fake_partners import FakeApprovalRegister, FakePartnerEvents, FakePartnerRegister
from tests.ports.fake_rights import FakeGuardianRegister, FakeRightsDesk
from tests.ports.fake_staff import FakeStaffRegister
from tests.ports.fake_transfers import FakeTransferLedger

_STANDING = (ConsentStatus.ACTIVE, ConsentStatus.PAUSED)


@dataclass
class FakeTravellers:
    identities: FakeIdentityLinks = field(default_factory=FakeIdentityLinks)
    tokens: FakeTokenVault = field(default_factory=FakeTokenVault)
    people: dict[UUID, Traveller] = field(default_factory=dict)
    kept: dict[UUID, VouchedClaims] = field(default_factory=dict)
    portraits: dict[UUID, tuple[bytes, datetime]] = field(default_factory=dict)
    erased: dict[UUID, datetime | None] = field(default_factory=dict)

    def add(self, traveller: Traveller) -> None:
        self.people[traveller.traveller_id] = traveller

    def find(self, traveller: UUID) -> Traveller:
        if traveller not in self.people:
            raise UnknownTraveller(str(traveller))
        return self.people[traveller]

    def lock(self, traveller: UUID) -> Traveller:
        return self.find(traveller)

    def keep_claims(self, traveller: UUID, claims: VouchedClaims) -> None:
        self.kept[traveller] = claims

    def document(self, traveller: UUID) -> bytes | None:
        return self.kept[traveller].document if traveller in self.kept else None

    def vouched(self, traveller: UUID) -> bytes | None:
        return self.kept[traveller].vouched if traveller in self.kept else None

    def claims(self, traveller: UUID) -> bytes | None:
        return self.kept[traveller].sealed if traveller in self.kept else None

    def keep_portrait(self, traveller: UUID, sealed: bytes, at: datetime) -> None:
        self.portraits[traveller] = (sealed, at)

    def portrait(self, traveller: UUID) -> bytes | None:
        return self.portraits[traveller][0] if traveller in self.portraits else None

    def discard_portrait(self, traveller: UUID) -> None:
        self.portraits.pop(traveller, None)

    def discard_portraits_before(self, moment: datetime) -> int:
        old = [traveller for traveller, (_, at) in self.portraits.items() if at < moment]
        for traveller in old:
            del self.portraits[traveller]
        return len(old)

    def erase(self, traveller: UUID, *, complete_at: datetime, at: datetime) -> None:
        self.identities.forget(traveller)
        self.tokens.kept = {key: sealed for key, sealed in self.tokens.kept.items() if key[0] != traveller}
        self.people.pop(traveller)
        self.kept.pop(traveller, None)
        self.portraits.pop(traveller, None)
        self.erased[traveller] = None

    def erased_with_key(self) -> Sequence[UUID]:
        return [traveller for traveller, destroyed in self.erased.items() if destroyed is None]

    def confirm_key_destroyed(self, traveller: UUID, at: datetime) -> None:
        self.erased[traveller] = self.erased[traveller] or at


@dataclass
class FakeConsentLedger:
    records: dict[UUID, tuple[ConsentRecord, str]] = field(default_factory=dict)
    uses: dict[UUID, list[datetime]] = field(default_factory=dict)
    left_out: dict[UUID, frozenset[str]] = field(default_factory=dict)

    def standing(self, traveller: UUID, purpose: str, recipient: str) -> ConsentRecord | None:
        wanted = (traveller, purpose, recipient)
        for record, _ in self.records.values():
            if record.status in _STANDING and (record.traveller, record.purpose, record.recipient) == wanted:
                return record
        return None

    def add(self, record: ConsentRecord, receipt: str) -> None:
        if record.status in _STANDING and self.standing(record.traveller, record.purpose, record.recipient):
            raise ValueError("one such consent stands already")
        self.records[record.consent_id] = (record, receipt)

    def receipt(self, consent_id: UUID) -> str:
        return self.records[consent_id][1]

    def lock_for_change(self, traveller: UUID, consent_id: UUID) -> ConsentRecord | None:
        record, _ = self.records.get(consent_id, (None, ""))
        return record if record is not None and record.traveller == traveller else None

    def lock_standing(self, traveller: UUID, uses: Sequence[Use]) -> Sequence[ConsentRecord]:
        found = {self.standing(traveller, use.purpose, use.recipient) for use in uses} - {None}
        return sorted(found, key=lambda record: record.consent_id)

    def lock_and_count(self, traveller: UUID, uses: Sequence[Use], at: datetime) -> Sequence[tuple[ConsentRecord, int]]:
        return [(record, self._recent(record, at)) for record in self.lock_standing(traveller, uses)]

    def _recent(self, record: ConsentRecord, at: datetime) -> int:
        if record.frequency is None:
            return 0
        made, per = self.uses.get(record.consent_id, []), record.frequency.per
        return len([moment for moment in made if per is None or moment > at - per])

    def count_use(self, consent_id: UUID, at: datetime) -> None:
        self.uses.setdefault(consent_id, []).append(at)

    def used(self, consent_id: UUID) -> int:
        return len(self.uses.get(consent_id, []))

    def carry_uses_over(self, superseded: UUID, to: UUID) -> None:
        self.uses.setdefault(to, []).extend(self.uses.pop(superseded, []))

    def versions(self, consent_id: UUID) -> Sequence[UUID]:
        series = self.records[consent_id][0].series_id
        theirs = [record for record, _ in self.records.values() if record.series_id == series]
        return [record.consent_id for record in sorted(theirs, key=lambda record: record.version)]

    def declined(self, consent_id: UUID) -> frozenset[str]:
        return self.left_out.get(consent_id, frozenset())

    def note_declined(self, consent_id: UUID, categories: Collection[str]) -> None:
        self.left_out[consent_id] = self.declined(consent_id) | set(categories)

    def settle(self, consent_id: UUID, status: ConsentStatus, at: datetime) -> None:
        record, receipt = self.records[consent_id]
        settled = None if status is ConsentStatus.ACTIVE else at
        self.records[consent_id] = (replace(record, status=status, settled_at=settled), receipt)

    def run_out(self, at: datetime, *, limit: int) -> Sequence[ConsentRecord]:
        due = [r for r, _ in self.records.values() if r.status in _STANDING and r.valid_until <= at]
        return sorted(due, key=lambda record: (record.traveller, record.consent_id))[:limit]

    def of(self, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
        theirs = [kept for kept in self.records.values() if kept[0].traveller == traveller]
        return sorted(theirs, key=lambda kept: (-kept[0].given_at.timestamp(), kept[0].consent_id))

    def forget(self, traveller: UUID) -> None:
        self.records = {key: kept for key, kept in self.records.items() if kept[0].traveller != traveller}


@dataclass
class FakeConsentAnswers:
    given: dict[tuple[bytes, UUID], dict[bytes, UUID | None]] = field(default_factory=dict)
    moments: dict[tuple[bytes, UUID], datetime] = field(default_factory=dict)

    def of(self, handle_hash: bytes, traveller: UUID) -> Mapping[bytes, UUID | None]:
        return self.given.get((handle_hash, traveller), {})

    def add(
        self, handle_hash: bytes, traveller: UUID, release: bytes, *, consent_id: UUID | None, at: datetime
    ) -> None:
        answers = self.given.setdefault((handle_hash, traveller), {})
        if release in answers:
            raise ValueError("a release is answered once")
        answers[release] = consent_id
        self.moments[handle_hash, traveller] = at

    def drop_before(self, moment: datetime) -> int:
        old = [key for key, at in self.moments.items() if at < moment]
        for key in old:
            del self.moments[key]
        return sum(len(self.given.pop(key)) for key in old)

    def forget(self, traveller: UUID) -> None:
        self.given = {key: answers for key, answers in self.given.items() if key[1] != traveller}


@dataclass
class FakeTemplateVault:
    templates: dict[UUID, SealedTemplate] = field(default_factory=dict)

    def store(self, template: SealedTemplate) -> None:
        self.templates[template.traveller] = template

    def find(self, traveller: UUID) -> SealedTemplate | None:
        return self.templates.get(traveller)

    def discard(self, traveller: UUID) -> bool:
        return self.templates.pop(traveller, None) is not None


@dataclass
class FakeStatusRegister:
    entries: dict[int, datetime | None] = field(default_factory=dict)
    lists: dict[int, PublishedList] = field(default_factory=dict)

    def space(self, until: datetime) -> int:
        return 0

    def next_space(self, full: int, until: datetime) -> int:
        return full + 1

    def revoke(self, indices: Iterable[int], at: datetime) -> None:
        for index in indices:
            self.entries[index] = self.entries[index] or at

    def lock_list(self, list_no: int) -> PublishedList | None:
        return self.lists.get(list_no)

    def revoked_offsets(self, list_no: int) -> Sequence[int]:
        return [index % LIST_BITS for index, at in self.entries.items() if at and index // LIST_BITS == list_no]

    def publish(self, published: PublishedList) -> None:
        self.lists[published.list_no] = published

    def published(self, list_no: int) -> PublishedList | None:
        return self.lists.get(list_no)

    def in_use(self, at: datetime) -> Sequence[int]:
        return [0]


@dataclass
class FakePassRegister:
    status: FakeStatusRegister
    passes: dict[tuple[str, bytes], IssuedPass] = field(default_factory=dict)
    spends: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    answers: set[tuple[str, bytes, int]] = field(default_factory=set)

    def add(self, passes: Sequence[IssuedPass]) -> None:
        for issued in passes:
            if (issued.zone, issued.pass_id) in self.passes:
                raise ValueError("a pass id is given out once")
            self.passes[issued.zone, issued.pass_id] = issued

    def of_traveller(self, traveller: UUID, pass_id: bytes) -> IssuedPass | None:
        return next((p for p in self.all() if p.traveller == traveller and p.pass_id == pass_id), None)

    def find(self, zone: str, pass_id: bytes) -> IssuedPass | None:
        return next((p for p in self.all() if (p.zone, p.pass_id) == (zone, pass_id)), None)

    def lock(self, zone: str, pass_id: bytes) -> IssuedPass:
        found = self.find(zone, pass_id)
        assert found is not None
        return found

    def live(self, traveller: UUID, *, at: datetime, resting_on: UUID | None = None) -> Sequence[IssuedPass]:
        theirs = [p for p in self.all() if p.traveller == traveller and p.expires_at > at and p.revoked_at is None]
        return [p for p in theirs if resting_on is None or resting_on in p.consents]

    def spend(self, zone: str, pass_id: bytes, *, gate_id: str, event_id: bytes, at: datetime) -> bool:
        if (zone, pass_id) in self.spends:
            return False
        self.spends[zone, pass_id] = event_id
        return True

    def latest_offline_epoch(self, traveller: UUID) -> int | None:
        return max((p.epoch for p in self.all() if p.traveller == traveller and p.epoch is not None), default=None)

    def forget(self, traveller: UUID) -> None:
        for key, issued in self.passes.items():
            if issued.traveller == traveller:
                self.passes[key] = replace(issued, traveller=None, device_key=b"", consents=(), pass_bytes=b"")

    def drop_expired_before(self, moment: datetime) -> int:
        old = [key for key, issued in self.passes.items() if issued.expires_at < moment]
        for key in old:
            del self.passes[key]
            self.spends.pop(key, None)
        self.answers = {answer for answer in self.answers if answer[:2] not in old}
        return len(old)

    def all(self) -> list[IssuedPass]:
        return [
            replace(issued, revoked_at=self.status.entries[issued.status_index], spent=key in self.spends)
            for key, issued in self.passes.items()
        ]


@dataclass
class FakeTrustListShelf:
    lists: list[PublishedTrustList] = field(default_factory=list)

    def latest(self, *, lock: bool = False) -> PublishedTrustList | None:
        return self.lists[-1] if self.lists else None

    def publish(self, published: PublishedTrustList) -> None:
        self.lists.append(published)


@dataclass
class FakeGateRegister:
    invitations: dict[bytes, Invitation] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    events: dict[tuple[str, bytes], tuple[CrossingEvent, bool]] = field(default_factory=dict)

    def invite(self, invitation: Invitation) -> None:
        self.invitations[invitation.digest] = invitation

    def lock_invitation(self, digest: bytes) -> Invitation | None:
        return self.invitations.get(digest)

    def enrol(self, gate: Gate, invitation: Invitation) -> None:
        self.gates[gate.gate_id] = gate
        self.invitations[invitation.digest] = replace(invitation, used_by=gate.kid)

    def by_id(self, gate_id: str) -> Gate | None:
        return self.gates.get(gate_id)

    def by_kid(self, kid: bytes) -> Gate | None:
        return next((gate for gate in self.gates.values() if gate.kid == kid), None)

    def retire(self, gate_id: str, at: datetime) -> None:
        gate = self.gates[gate_id]
        self.gates[gate_id] = replace(gate, retired_at=gate.retired_at or at)

    def known_events(self, gate: Gate, event_ids: Sequence[bytes]) -> frozenset[bytes]:
        return frozenset(event_id for event_id in event_ids if (gate.gate_id, event_id) in self.events)

    def record_event(self, gate: Gate, event: CrossingEvent, *, conflict: bool, at: datetime) -> None:
        self.events.setdefault((gate.gate_id, event.event_id), (event, conflict))


@dataclass
class FakeEpochRegister:
    epochs: dict[tuple[str, int], tuple[datetime, datetime | None]] = field(default_factory=dict)

    def open(self, zone: str, epoch: int, *, dies_at: datetime) -> bool:
        return self.epochs.setdefault((zone, epoch), (dies_at, None))[1] is None

    def due(self, at: datetime) -> Sequence[tuple[str, int]]:
        return sorted(key for key, (dies, destroyed) in self.epochs.items() if dies <= at and destroyed is None)

    def close(self, zone: str, epoch: int, at: datetime) -> None:
        self.epochs[zone, epoch] = (self.epochs[zone, epoch][0], at)


@dataclass
class FakeJournal:
    """Real leaves in a plain list."""

    leaves: list[tuple[UUID | None, bytes, datetime, JournalEntry]] = field(default_factory=list)
    forgotten: set[UUID] = field(default_factory=set)

    def append(self, entry: Entry, *, at: datetime, entropy: Entropy) -> bytes:
        raw = new_leaf(
            entry.kind,
            clear=entry.stated(),
            personal=entry.personal,
            traveller_key=entry.traveller_key,
            at=at,
            handle=entropy(16),
        )
        leaf = leaf_hash(raw)
        self.leaves.append((entry.traveller, leaf, at, decode_entry(raw)))
        return leaf

    def append_all(self, entries: Sequence[Entry], *, at: datetime, entropy: Entropy) -> Sequence[bytes]:
        return [self.append(entry, at=at, entropy=entropy) for entry in entries]

    def proof(self, leaf: bytes) -> InclusionProof | None:
        """No sequencer runs: every entry waits for its place."""

    def latest_checkpoint(self) -> str | None:
        """None was signed."""

    def of_traveller(
        self, traveller: UUID, *, key: bytes, limit: int, before: datetime | None
    ) -> Sequence[JournalledUse]:
        theirs = [
            JournalledUse(leaf, made.kind, at, made.clear, made.open(key))
            for owner, leaf, at, made in reversed(self.leaves)
            if owner == traveller and traveller not in self.forgotten and (before is None or at < before)
        ]
        return theirs[:limit]

    def forget(self, traveller: UUID) -> None:
        self.forgotten.add(traveller)


@dataclass
class FakeWork:
    travellers: FakeTravellers = field(default_factory=FakeTravellers)
    logins: FakeLogins = field(default_factory=FakeLogins)
    clients: FakeClientRegistry = field(default_factory=FakeClientRegistry)
    consents: FakeConsentLedger = field(default_factory=FakeConsentLedger)
    answers: FakeConsentAnswers = field(default_factory=FakeConsentAnswers)
    templates: FakeTemplateVault = field(default_factory=FakeTemplateVault)
    status: FakeStatusRegister = field(default_factory=FakeStatusRegister)
    passes: FakePassRegister = field(init=False)
    minting: FakeMintingDesk = field(init=False)
    releasing: FakeReleaseDesk = field(init=False)
    claiming: FakeClaimsDesk = field(init=False)
    rights: FakeRightsDesk = field(init=False)
    guardians: FakeGuardianRegister = field(default_factory=FakeGuardianRegister)
    trust_lists: FakeTrustListShelf = field(default_factory=FakeTrustListShelf)
    gates: FakeGateRegister = field(default_factory=FakeGateRegister)
    epochs: FakeEpochRegister = field(default_factory=FakeEpochRegister)
    journal: FakeJournal = field(default_factory=FakeJournal)
    departures: Departures = field(default_factory=Departures)
    transfers: FakeTransferLedger = field(init=False)
    partners: FakePartnerRegister = field(default_factory=FakePartnerRegister)
    partner_events: FakePartnerEvents = field(default_factory=FakePartnerEvents)
    approvals: FakeApprovalRegister = field(default_factory=FakeApprovalRegister)
    staff: FakeStaffRegister = field(default_factory=FakeStaffRegister)
    changes: FakeChangeRegister = field(default_factory=FakeChangeRegister)
    filings: FakeFilingRegister = field(default_factory=FakeFilingRegister)
    assessments: FakeAssessmentRegister = field(default_factory=FakeAssessmentRegister)
    alarms: FakeAlarmRegister = field(default_factory=FakeAlarmRegister)

    @property
    def identities(self) -> FakeIdentityLinks:
        return self.travellers.identities

    @property
    def tokens(self) -> FakeTokenVault:
        return self.travellers.tokens

    def __post_init__(self) -> None:
        self.passes = FakePassRegister(self.status)
        self.minting = FakeMintingDesk(self)
        self.releasing = FakeReleaseDesk(self)
        self.claiming = FakeClaimsDesk(self)
        self.rights = FakeRightsDesk(self)
        self.transfers = FakeTransferLedger(self)


class FakeWorks:
    """Works over one state in memory; an exception puts back what was there before."""

    def __init__(self) -> None:
        self.state = FakeWork()
        self.open = 0

    @contextmanager
    def begin(self) -> Iterator[FakeWork]:
        draft = deepcopy(self.state)
        draft.departures = Departures()
        self.open += 1
        try:
            yield draft
            draft.departures.settle()
        finally:
            draft.departures.close()
            self.open -= 1
        self.state = draft


@dataclass
class FakeKeyStore:
    """Port `KeyStore` in memory."""

    entropy: Entropy
    keys: dict[UUID, bytes] = field(default_factory=dict)
    destroyed: set[UUID] = field(default_factory=set)

    def create(self, subject: UUID) -> None:
        if subject in self.destroyed:
            raise LookupError("destroyed")
        self.keys.setdefault(subject, self.entropy(64))

    def key(self, subject: UUID) -> bytes:
        return self.keys[subject][:32]

    def seeds(self, subject: UUID) -> tuple[bytes, ...]:
        return (self.keys[subject][32:48], self.keys[subject][48:])

    def destroy(self, subject: UUID) -> None:
        self.keys.pop(subject, None)
        self.destroyed.add(subject)


@dataclass
class FakeExaminer:
    """Port `FaceExaminer` that answers what it was told to, and notes what it was shown."""

    answer: Examined | NotAccepted
    shown: list[tuple[bytes, bytes, tuple[bytes, ...]]] = field(default_factory=list)

    def examine(self, capture: bytes, portrait: bytes, seeds: Sequence[bytes]) -> Examined | NotAccepted:
        self.shown.append((capture, portrait, tuple(seeds)))
        return self.answer
