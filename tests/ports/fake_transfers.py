"""The transfer ledger in memory: one thread at a time, so every count is exact and nothing waits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from broker.core.counting import CountingKey, CountingRule
from broker.core.governance.calendar import SHANGHAI
from broker.core.transfer import Held
from broker.flows.ports.transfers import BulkLine, BulkTotal, ExporterTotal, RecipientTotal, Standing, TransferLine

if TYPE_CHECKING:
    from tests.ports.fakes import FakeWork


@dataclass
class FakeTransferLedger:
    """Port `TransferLedger`."""

    work: "FakeWork"
    held: dict[tuple[int, str, UUID], Held] = field(default_factory=dict)
    met: set[tuple[int, str, UUID]] = field(default_factory=set)
    bulk: dict[tuple[str, str, str, UUID], datetime] = field(default_factory=dict)
    ended: dict[CountingKey, datetime] = field(default_factory=dict)

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
    ) -> Held:
        line = standing.line
        key, there = (line.year, line.exporter, line.person), (line.year, line.recipient, line.person)
        held = self.held.get(key, Held.NONE)
        entered = add & ~held | (Held.NONE if there in self.met else Held.AT_RECIPIENT)
        self.held[key] = held | add
        self.met.add(there)
        return entered

    def stand_together(self, lines: Sequence[TransferLine]) -> list[Standing]:
        return [self.look(line) for line in lines]

    def enter_together(self, entered: Sequence[tuple[Standing, Held]]) -> list[Held]:
        return [
            self.enter(standing, add, exporter_edges=(), recipient_edges=(), locked=True) for standing, add in entered
        ]

    def bulk_persons(self, line: BulkLine, *, since: datetime) -> int:
        there = {
            person
            for (exporter, recipient, kind, person), at in self.bulk.items()
            if (exporter, recipient) == (line.exporter, line.recipient) and kind in line.kinds and at >= since
        }
        return len(there - {line.person, line.earlier}) + 1

    def enter_bulk(self, line: BulkLine, *, at: datetime) -> None:
        self._rename(line.earlier, line.person)
        for kind in line.kinds:
            self.bulk[line.exporter, line.recipient, kind, line.person] = at

    def merge(self, year: int, *, survivor: UUID, merged: UUID) -> None:
        for of, exporter, person in [key for key in self.held if (key[0], key[2]) == (year, merged)]:
            theirs, ours = self.held.pop((of, exporter, person)), self.held.get((of, exporter, survivor), Held.NONE)
            self.held[of, exporter, survivor] = ours | theirs
            if ours & theirs:
                self.held[of, exporter, person] = ours & theirs
        for of, recipient, person in [key for key in self.met if (key[0], key[2]) == (year, merged)]:
            if (of, recipient, survivor) not in self.met:
                self.met.remove((of, recipient, person))
                self.met.add((of, recipient, survivor))

    def merge_bulk(self, *, survivor: UUID, merged: UUID) -> None:
        self._rename(merged, survivor)

    def origins(self) -> frozenset[str]:
        return frozenset(exporter.rpartition("/")[2] for _, exporter, _ in self.held)

    def keys_ended(self) -> frozenset[CountingKey]:
        return frozenset(self.ended)

    def note_ended(self, keys: Collection[CountingKey], at: datetime) -> None:
        self.ended |= dict.fromkeys(keys, at)
        last = max((key.year for key in keys if key.rule is CountingRule.US_BULK), default=0)
        self.bulk = {key: of for key, of in self.bulk.items() if of >= datetime(last + 1, 1, 1, tzinfo=SHANGHAI)}

    def make_years(self, last: int) -> None:
        """One dictionary holds every year."""

    def fold_faces(self) -> None:
        """Faces are counted when asked for."""

    def _rename(self, earlier: UUID, person: UUID) -> None:
        for exporter, recipient, kind, of in [key for key in self.bulk if key[3] == earlier]:
            at = self.bulk[exporter, recipient, kind, of]
            ours = self.bulk.get((exporter, recipient, kind, person))
            if ours is None:
                del self.bulk[exporter, recipient, kind, of]
            self.bulk[exporter, recipient, kind, person] = max(at, ours or at)

    def totals(self, year: int) -> Sequence[ExporterTotal]:
        return [
            ExporterTotal(exporter, *(sum(one in held for held in self._held(year, exporter)) for one in _COUNTED))
            for exporter in sorted({exporter for of, exporter, _ in self.held if of == year})
        ]

    def recipient_totals(self, year: int) -> Sequence[RecipientTotal]:
        names = [name for of, name, _ in self.met if of == year]
        return [RecipientTotal(name, names.count(name)) for name in sorted(set(names))]

    def bulk_totals(self, since: datetime) -> Sequence[BulkTotal]:
        recent = [key for key, at in self.bulk.items() if at >= since]
        return [
            BulkTotal(
                *pair,
                len({person for *parties, _, person in recent if tuple(parties) == pair}),
                frozenset(kind for *parties, kind, _ in recent if tuple(parties) == pair),
            )
            for pair in sorted({(exporter, recipient) for exporter, recipient, _, _ in recent})
        ]

    def stored_faces(self, origin: str) -> int:
        stored = {*self.work.templates.templates, *self.work.travellers.portraits}
        return sum(self.work.travellers.people[person].jurisdiction == origin for person in stored)

    def _held(self, year: int, exporter: str) -> list[Held]:
        return [held for (of, name, _), held in self.held.items() if (of, name) == (year, exporter)]


_COUNTED = (Held.NONSENSITIVE, Held.SENSITIVE, Held.GROSS_NONSENSITIVE, Held.GROSS_SENSITIVE)
