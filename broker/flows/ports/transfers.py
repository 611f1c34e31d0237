"""Who was counted where: the ledger of releases that cross a border."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

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
    ) -> bool:
        """Count the person, once. Without `locked`: False, and nothing entered, when a count that moves is so near an
        edge that others in flight could carry it over; `lock`, decide again and enter then.
        """

    def recent_at_us_recipient(self, line: TransferLine, *, since: datetime) -> tuple[int, bool]:
        """Distinct persons of this exporter at this recipient since that moment, and whether this one is among them.

        Locks the pair until the end of the work, so the number is exact.
        """

    def enter_us_recipient(self, line: TransferLine, *, at: datetime) -> None:
        """This person's data reached the recipient at that moment."""

    def forget_us_before(self, moment: datetime) -> int:
        """Drop lines that no window reaches any more; returns how many."""

    def totals(self, year: int) -> Sequence[ExporterTotal]:
        """The counts of that year (Asia/Shanghai) as last committed, by exporter in order of name. No persons."""

    def recipient_totals(self, year: int) -> Sequence[RecipientTotal]:
        """The same by recipient."""

    def stored_faces(self, origin: str) -> int:
        """Distinct persons of that jurisdiction whose face template or portrait is stored now."""


US_WINDOW = timedelta(days=365)
