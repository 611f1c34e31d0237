"""Who was counted where: the ledger of releases that cross a border."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.counting import CountingKey
from broker.core.transfer import Held


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One person's line in the ledger. `exporter`: the whole group where it has one. `person`: the key they are counted
    under, never their id.
    """

    year: int
    exporter: str
    recipient: str
    person: UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger says of a line before the release: the year's counts, and whether this person is in them."""

    line: TransferLine
    nonsensitive: int
    sensitive: int
    gross_nonsensitive: int
    gross_sensitive: int
    at_recipient: int
    held: Held
    met: bool
    """Whether the recipient was given this person's data this year."""


@dataclass(frozen=True, slots=True)
class BulkLine:
    """One person's line in the rolling counts of a pair of parties (28 CFR 202.205). `kinds`: those of the release.
    `person`: the name under this year's key; `earlier`: under last year's, which the window still reaches.
    """

    exporter: str
    recipient: str
    kinds: frozenset[str]
    person: UUID
    earlier: UUID


@dataclass(frozen=True, slots=True)
class ExporterTotal:
    """Distinct persons of one exporter (its whole group) in a year: by class, as the law counts, and with exempt
    releases too.
    """

    exporter: str
    nonsensitive: int
    sensitive: int
    gross_nonsensitive: int
    gross_sensitive: int


@dataclass(frozen=True, slots=True)
class RecipientTotal:
    """Distinct persons whose data one recipient was given in a year, over all exporters and classes."""

    recipient: str
    persons: int


@dataclass(frozen=True, slots=True)
class BulkTotal:
    """Distinct persons whose data one exporter gave one recipient within a window, of any kind that is counted."""

    exporter: str
    recipient: str
    persons: int
    kinds: frozenset[str]


class TransferLedger(Protocol):
    """Exact counts of distinct persons, within the transaction of the work. Its locks come last in the lock order."""

    def look(self, line: TransferLine) -> Standing:
        """The standing as last committed. Others may count meanwhile."""

    def lock(self, line: TransferLine) -> Standing:
        """The same; nobody else counts for this exporter or recipient until the end of the work."""

    def enter(
        self,
        standing: Standing,
        add: Held,
        *,
        exporter_edges: Collection[int],
        recipient_edges: Collection[int],
        locked: bool,
    ) -> Held | None:
        """Count the person, once: the counts that this release entered them in. Without `locked`: None, and nothing
        entered, when a count that moves is so near an edge that others in flight could carry it over; `lock`, decide
        again and enter then.
        """

    def stand_together(self, lines: Sequence[TransferLine]) -> Sequence[Standing]:
        """As `lock` for each, of one year: all counters are locked at once, in one order whoever asks."""

    def enter_together(self, entered: Sequence[tuple[Standing, Held]]) -> Sequence[Held]:
        """Count each person, once, under the locks of `stand_together`: the counts that each was newly entered in."""

    def bulk_persons(self, line: BulkLine, *, since: datetime) -> int:
        """Distinct persons of whom this exporter gave this recipient any of these kinds of data at that moment or
        since, and this person. Locks the pair until the end of the work, so the number is exact.
        """

    def enter_bulk(self, line: BulkLine, *, at: datetime) -> None:
        """This person's data of these kinds reached the recipient at that moment."""

    def merge(self, year: int, *, survivor: UUID, merged: UUID) -> None:
        """Two names of that year are one person's: whatever the merged one was counted in, the survivor is held in from
        now on. No count changes.
        """

    def merge_bulk(self, *, survivor: UUID, merged: UUID) -> None:
        """The same for the rolling counts. Who was counted twice stays so until the window has passed."""

    def origins(self) -> frozenset[str]:
        """The jurisdictions of all exporters that ever released."""

    def keys_ended(self) -> frozenset[CountingKey]:
        """The keys whose end was noted."""

    def note_ended(self, keys: Collection[CountingKey], at: datetime) -> None:
        """Their keys are destroyed: drop the rows of persons made under them. Totals stay. Harmless when repeated."""

    def make_years(self, last: int) -> None:
        """A partition for each year up to that one."""

    def fold_faces(self) -> None:
        """Add up what changed in the store of faces, so that reading it stays quick."""

    def totals(self, year: int) -> Sequence[ExporterTotal]:
        """The counts of that year (Asia/Shanghai) as last committed, by exporter in order of name. No persons."""

    def recipient_totals(self, year: int) -> Sequence[RecipientTotal]:
        """The same by recipient."""

    def bulk_totals(self, since: datetime) -> Sequence[BulkTotal]:
        """The rolling counts from that moment on, by pair of parties in order of name."""

    def stored_faces(self, origin: str) -> int:
        """Distinct persons of that jurisdiction whose face template or portrait is stored now."""
