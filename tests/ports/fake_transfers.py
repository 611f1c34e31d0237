"""The transfer ledger in memory: one thread at a time, so every count is exact and nothing waits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from broker.core.transfer import Held
from broker.flows.ports.transfers import ExporterTotal, RecipientTotal, Standing, TransferLine

if TYPE_CHECKING:
    from tests.ports.fakes import FakeWork


@dataclass
class FakeTransferLedger:
    """Port `TransferLedger`."""

    work: "FakeWork"
    held: dict[tuple[int, str, UUID], Held] = field(default_factory=dict)
    met: set[tuple[int, str, UUID]] = field(default_factory=set)
    american: dict[tuple[str, str, UUID], datetime] = field(default_factory=dict)

    def look(self, line: TransferLine) -> Standing:
        mine = self._held(line.year, line.exporter)
        return Standing(
            line,
            nonsensitive=sum(Held.NONSENSITIVE in held for held in mine),
            sensitive=sum(Held.SENSITIVE in held for held in mine),
            gross_nonsensitive=sum(Held.GROSS_NONSENSITIVE in held for held in mine),
            gross_sensitive=sum(Held.GROSS_SENSITIVE in held for held in mine),
            at_recipient=sum((year, name) == (line.year, line.recipient) for year, name, _ in self.met),
            held=self.held.get((line.year, line.exporter, line.person), Held.NONE),
            met=(line.year, line.recipient, line.person) in self.met,
        )

    def lock(self, line: TransferLine) -> Standing:
        return self.look(line)

    def enter(
        self,
        standing: Standing,
        add: Held,
        *,
        exporter_edges: Collection[int],
        recipient_edges: Collection[int],
        locked: bool,
    ) -> bool:
        line = standing.line
        key = (line.year, line.exporter, line.person)
        self.held[key] = self.held.get(key, Held.NONE) | add
        self.met.add((line.year, line.recipient, line.person))
        return True

    def recent_at_us_recipient(self, line: TransferLine, *, since: datetime) -> tuple[int, bool]:
        there = {
            person
            for (exporter, recipient, person), at in self.american.items()
            if (exporter, recipient) == (line.exporter, line.recipient) and at > since
        }
        return len(there), line.person in there

    def enter_us_recipient(self, line: TransferLine, *, at: datetime) -> None:
        self.american[line.exporter, line.recipient, line.person] = at

    def forget_us_before(self, moment: datetime) -> int:
        old = [key for key, at in self.american.items() if at < moment]
        for key in old:
            del self.american[key]
        return len(old)

    def totals(self, year: int) -> Sequence[ExporterTotal]:
        return [
            ExporterTotal(exporter, *(sum(one in held for held in self._held(year, exporter)) for one in _COUNTED))
            for exporter in sorted({exporter for of, exporter, _ in self.held if of == year})
        ]

    def recipient_totals(self, year: int) -> Sequence[RecipientTotal]:
        names = [name for of, name, _ in self.met if of == year]
        return [RecipientTotal(name, names.count(name)) for name in sorted(set(names))]

    def stored_faces(self, origin: str) -> int:
        stored = {*self.work.templates.templates, *self.work.travellers.portraits}
        return sum(self.work.travellers.people[person].jurisdiction == origin for person in stored)

    def _held(self, year: int, exporter: str) -> list[Held]:
        return [held for (of, name, _), held in self.held.items() if (of, name) == (year, exporter)]


_COUNTED = (Held.NONSENSITIVE, Held.SENSITIVE, Held.GROSS_NONSENSITIVE, Held.GROSS_SENSITIVE)
