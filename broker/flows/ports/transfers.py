"""Who was counted where: the ledger of releases that cross a border."""

from collections.abc import Collection
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


US_WINDOW = timedelta(days=365)
