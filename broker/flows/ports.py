"""What the flows need from the world, in their own words. `broker.stores` implements these; tests/ports holds the
fakes.

A `Work` is one transaction: leaving its context normally commits, an exception rolls everything back. The isolation the
flows rely on is READ COMMITTED with the row locks named below: a statement after a lock sees what the lock's former
holder committed. Lock order, everywhere: traveller, consents (ascending id), passes, status lists (ascending number).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus, Use
from broker.core.gate import Gate, Invitation
from broker.core.travel import IssuedPass, SealedTemplate
from broker.core.traveller import Traveller
from broker.wire.gate_api import CrossingEvent
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason
from broker.wire.sealed_template import FaceTemplate

# --- people ---------------------------------------------------------------------------------------------------------


class Travellers(Protocol):
    """The people this broker knows, and what is sealed about them."""

    def find_by_identity(self, digest: bytes) -> UUID | None:
        """Whom an upstream identity (core.traveller.identity_digest) belongs to."""

    def claim_identity(self, digest: bytes, traveller: Traveller) -> bool:
        """Record a new traveller under an identity. False when somebody else did so first: then nothing was
        recorded.
        """

    def find(self, traveller: UUID) -> Traveller:
        """The traveller. Raises UnknownTraveller when there is none or they were erased."""

    def lock(self, traveller: UUID) -> Traveller:
        """The traveller, locked until the end of the work, so that one person's changes happen one after another.

        Raises UnknownTraveller when there is none or they were erased.
        """

    def keep_claims(self, traveller: UUID, sealed: bytes, *, evidence: bytes, auth_time: datetime, acr: str) -> None:
        """Replace the sealed verified claims by those of the latest login."""

    def claims(self, traveller: UUID) -> bytes | None:
        """The sealed verified claims."""

    def keep_portrait(self, traveller: UUID, sealed: bytes, at: datetime) -> None:
        """Replace the sealed authority's portrait."""

    def portrait(self, traveller: UUID) -> bytes | None:
        """The sealed authority's portrait, until enrolment is done."""

    def discard_portrait(self, traveller: UUID) -> None:
        """Delete the portrait; harmless when there is none."""

    def discard_portraits_before(self, moment: datetime) -> int:
        """Delete portraits nobody enrolled with; returns how many."""

    def erase(self, traveller: UUID, *, complete_at: datetime, at: datetime) -> None:
        """Delete identity links, claims and portrait; remember that this traveller's key must be destroyed."""

    def erased_with_key(self) -> Sequence[UUID]:
        """Erased travellers whose key has not been confirmed destroyed."""

    def confirm_key_destroyed(self, traveller: UUID, at: datetime) -> None:
        """Note that the key store no longer holds this traveller's key."""


class LoginRegister(Protocol):
    """Sessions, grants and pseudonyms that the authorization server keeps about a person."""

    def forget_traveller(self, traveller_id: UUID) -> None:
        """End and delete all of them."""


class KeyStore(Protocol):
    """Keys that never sit in the database: 32 random bytes and the transform seeds of each subject. Not
    transactional.
    """

    def create(self, subject: UUID) -> None:
        """Make the subject's key; harmless when it exists. Raises when that subject's key was destroyed before."""

    def key(self, subject: UUID) -> bytes:
        """The 32-byte key; raises LookupError when there is none."""

    def seeds(self, subject: UUID) -> Sequence[bytes]:
        """The 16-byte transform seeds, in the engine's embedder order; raises LookupError when there is none."""

    def destroy(self, subject: UUID) -> None:
        """Destroy key and seeds beyond recovery; harmless when there is none."""


# --- consent --------------------------------------------------------------------------------------------------------


class ConsentLedger(Protocol):
    """Every consent ever given, and the receipt that was handed out for it."""

    def standing(self, traveller: UUID, purpose: str, recipient: str) -> ConsentRecord | None:
        """The one record in state active or paused for that purpose and recipient, whatever the time."""

    def add(self, record: ConsentRecord, receipt: str) -> None:
        """Enter a new record. At most one per person, purpose and recipient stands at a time."""

    def receipt(self, consent_id: UUID) -> str:
        """The signed receipt of a record."""

    def lock_for_change(self, traveller: UUID, consent_id: UUID) -> ConsentRecord | None:
        """This traveller's record, locked against every release until the end of the work; None when it is
        not theirs.
        """

    def lock_standing(self, traveller: UUID, uses: Sequence[Use]) -> Sequence[ConsentRecord]:
        """The standing records for the purposes and recipients of `uses`, with the promise of `lock_for_use`."""

    def lock_for_use(self, consents: Sequence[UUID]) -> Sequence[ConsentRecord]:
        """The records as last committed, locked against changes until the end of the work.

        Several uses hold it side by side. A change that committed before this returns is seen, always.
        """

    def settle(self, consent_id: UUID, status: ConsentStatus, at: datetime) -> None:
        """Move a locked record to another state."""

    def run_out(self, at: datetime, *, limit: int) -> Sequence[ConsentRecord]:
        """Standing records whose time ended, in the order of their travellers; not locked."""

    def of(self, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
        """All records of a person with their receipts, newest first."""

    def forget(self, traveller: UUID) -> None:
        """Delete the records of an erased person."""


# --- template and passes ----------------------------------------------------------------------------------------------


class TemplateVault(Protocol):
    """At most one sealed face template a traveller."""

    def store(self, template: SealedTemplate) -> None:
        """Keep the template in place of any earlier one."""

    def find(self, traveller: UUID) -> SealedTemplate | None:
        """The traveller's template."""

    def discard(self, traveller: UUID) -> bool:
        """Delete it; whether there was one."""


class PassRegister(Protocol):
    """Passes that were minted and the gates that hold or spent them."""

    def add(self, passes: Sequence[IssuedPass]) -> None:
        """Enter new passes."""

    def of_device_keys(self, traveller: UUID, device_keys: Sequence[bytes]) -> Mapping[bytes, IssuedPass]:
        """The traveller's passes for those keys, whatever their state."""

    def of_traveller(self, traveller: UUID, pass_id: bytes) -> IssuedPass | None:
        """One pass of this traveller."""

    def find(self, zone: str, pass_id: bytes) -> IssuedPass | None:
        """One pass, not locked."""

    def lock(self, zone: str, pass_id: bytes) -> IssuedPass:
        """One known pass as last committed, locked until the end of the work."""

    def live(self, traveller: UUID, *, at: datetime, resting_on: UUID | None = None) -> Sequence[IssuedPass]:
        """Unexpired, unrevoked passes of a person, or only those that rest on one consent."""

    def reserve(self, zone: str, pass_id: bytes, *, gate_id: str, until: datetime) -> None:
        """Give a locked pass to one gate until that moment."""

    def spend(self, zone: str, pass_id: bytes, *, gate_id: str, event_id: bytes, at: datetime) -> bool:
        """Unique on zone and pass id; False when another event spent it before."""

    def answer_once(self, zone: str, pass_id: bytes, counter: int, *, gate_id: str, at: datetime) -> bool:
        """Unique on zone, pass id and counter; False when a template was already released for it."""

    def latest_offline_epoch(self, traveller: UUID) -> int | None:
        """The last epoch whose secret could open a template of this person."""

    def forget(self, traveller: UUID) -> None:
        """Take person, device keys, consents and pass bytes out of an erased traveller's passes."""

    def drop_expired_before(self, moment: datetime) -> int:
        """Delete passes (with spends and answers) that expired before; returns how many. Status bits stay."""


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A signed status list as gates fetch it."""

    list_no: int
    version: int
    issued_at: datetime
    raw: bytes


class StatusRegister(Protocol):
    """Status indices, never given out twice, and the lists they are published in."""

    def allocate(self, count: int, *, expires_at: datetime, entropy: Entropy) -> Sequence[int]:
        """That many random indices that no pass ever had; makes room when the current list is full."""

    def revoke(self, indices: Iterable[int], at: datetime) -> None:
        """Set the bits; the first time stands."""

    def lock_list(self, list_no: int) -> PublishedList | None:
        """The last published state of a list, locked until the end of the work; None when never published."""

    def revoked_offsets(self, list_no: int) -> Sequence[int]:
        """Offsets of the revoked indices in a list, as last committed plus this work's own."""

    def publish(self, published: PublishedList) -> None:
        """Replace a locked list by its next version."""

    def published(self, list_no: int) -> PublishedList | None:
        """The list as it is to be served."""

    def in_use(self, at: datetime) -> Sequence[int]:
        """Numbers of lists that an unexpired pass may point into, ascending, at least one."""


@dataclass(frozen=True, slots=True)
class PublishedTrustList:
    """A signed trust list as gates fetch it. `keys_digest` says over which keys it was made."""

    version: int
    issued_at: datetime
    expires_at: datetime
    keys_digest: bytes
    raw: bytes


class TrustListShelf(Protocol):
    """The trust lists signed so far."""

    def latest(self, *, lock: bool = False) -> PublishedTrustList | None:
        """The newest; with `lock`, nobody else publishes until the end of the work."""

    def publish(self, published: PublishedTrustList) -> None:
        """Add the next version."""


# --- gates ------------------------------------------------------------------------------------------------------------


class GateRegister(Protocol):
    """Gates, invitations, epochs and what lanes reported."""

    def invite(self, invitation: Invitation) -> None:
        """Keep a new one-time code."""

    def lock_invitation(self, digest: bytes) -> Invitation | None:
        """The invitation, locked until the end of the work."""

    def enrol(self, gate: Gate, invitation: Invitation) -> None:
        """Enter the gate and use up the locked invitation."""

    def by_id(self, gate_id: str) -> Gate | None:
        """The gate of that name."""

    def by_kid(self, kid: bytes) -> Gate | None:
        """The gate whose key has that id."""

    def retire(self, gate_id: str, at: datetime) -> None:
        """The gate's requests are refused from now on."""

    def record_event(self, gate: Gate, event: CrossingEvent, *, conflict: bool, at: datetime) -> None:
        """Keep a crossing. `conflict`: it opened on a pass that another event had spent."""

    def known_events(self, gate: Gate, event_ids: Sequence[bytes]) -> frozenset[bytes]:
        """Which of these events this gate reported before. Locks the gate, so that reports of one gate take turns."""


class EpochRegister(Protocol):
    """Which epoch keys the key store holds for which zone."""

    def open(self, zone: str, epoch: int, *, dies_at: datetime) -> bool:
        """Note an epoch as in use. False when its secret was destroyed already."""

    def due(self, at: datetime) -> Sequence[tuple[str, int]]:
        """Zones and epochs whose secrets must be dead by now and are not noted as such."""

    def close(self, zone: str, epoch: int, at: datetime) -> None:
        """Note that the secret was destroyed."""


# --- the journal, the face, one transaction ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry to be: `clear` is public, `personal` is encrypted under a key derived from the traveller's."""

    kind: str
    clear: Mapping[str, Any]
    personal: Mapping[str, Any] | None = None
    traveller: UUID | None = None
    traveller_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class JournalledUse:
    """An entry as its traveller may read it."""

    leaf_hash: bytes
    kind: str
    at: datetime
    clear: Mapping[str, Any]
    personal: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Entry `position` is in the tree that `checkpoint` (a signed note) describes; `path` as in RFC 9162 2.1.3."""

    position: int
    size: int
    path: tuple[bytes, ...]
    checkpoint: str


class Journal(Protocol):
    """The append-only log, within the transaction of the work."""

    def append(self, entry: Entry, *, at: datetime, entropy: Entropy) -> bytes:
        """Enter it; returns the 32-byte leaf hash."""

    def append_all(self, entries: Sequence[Entry], *, at: datetime, entropy: Entropy) -> Sequence[bytes]:
        """Enter all in order, in few statements; returns their leaf hashes."""

    def proof(self, leaf: bytes) -> InclusionProof | None:
        """That the entry with this leaf hash is under the newest checkpoint; None while it has no place, or is none."""

    def latest_checkpoint(self) -> str | None:
        """The newest signed note, None before the first."""

    def of_traveller(
        self, traveller: UUID, *, key: bytes, limit: int, before: datetime | None
    ) -> Sequence[JournalledUse]:
        """A person's entries, newest first, opened with their key."""

    def forget(self, traveller: UUID) -> None:
        """Delete what leads from a person to their entries. The entries stay; their personal part dies with the key."""


class Work(Protocol):
    """One transaction over everything above."""

    @property
    def travellers(self) -> Travellers: ...
    @property
    def logins(self) -> LoginRegister: ...
    @property
    def consents(self) -> ConsentLedger: ...
    @property
    def templates(self) -> TemplateVault: ...
    @property
    def passes(self) -> PassRegister: ...
    @property
    def status(self) -> StatusRegister: ...
    @property
    def trust_lists(self) -> TrustListShelf: ...
    @property
    def gates(self) -> GateRegister: ...
    @property
    def epochs(self) -> EpochRegister: ...
    @property
    def journal(self) -> Journal: ...


BeginWork = Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Examined:
    """A capture that shows the person of the portrait. `score` and `threshold` are on the scale of the embedder set."""

    template: FaceTemplate
    score: float
    threshold: float
    model_hashes: Mapping[str, str]
    thresholds_hash: str


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """An image that was looked at and refused: no face, several, poor quality, unreadable, or another person.

    `image`: "capture", or "portrait" when it is the authority's photograph that cannot be used.
    """

    reason: Reason
    image: str = "capture"


class ExaminerUnavailable(Exception):
    """The face engine could not answer now (starting, overloaded, crashed). Nothing is known about the capture."""


class FaceExaminer(Protocol):
    """Looks at a capture beside the authority's portrait, away from any transaction."""

    def examine(self, capture: bytes, portrait: bytes, seeds: Sequence[bytes]) -> Examined | NotAccepted:
        """Compare and make the template. Raises ExaminerUnavailable."""
