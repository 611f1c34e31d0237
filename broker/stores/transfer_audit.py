"""Three accounts of a year in one snapshot: the counters, the rows of persons, and the journal."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from broker.core.journal import decode_entry
from broker.core.recount import EXPORTER_COUNTS, JournalTotals, Line, differences
from broker.core.transfer import Held
from broker.stores.database import Database
from broker.stores.driver import run
from broker.stores.transfer_ledger import SqlTransferLedger

_PAGE = 2000
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_ROWS = (
    "SELECT name, count(*) FILTER (WHERE seen & 1 <> 0) AS c1, count(*) FILTER (WHERE seen & 2 <> 0) AS c2, "
    "count(*) FILTER (WHERE seen & 4 <> 0) AS c4, count(*) FILTER (WHERE seen & 8 <> 0) AS c8 "
    "FROM transfer_persons JOIN transfer_parties ON party_id = exporter WHERE year = %s GROUP BY name"
)
_RECIPIENT_ROWS = (
    "SELECT name, count(*) FROM transfer_recipient_persons JOIN transfer_parties ON party_id = recipient "
    "WHERE year = %s GROUP BY name"
)
_ENDED = "SELECT 1 FROM counting_keys_ended WHERE rule = 'statutory' AND year = %s LIMIT 1"
_ENTRIES = "SELECT position, entry FROM journal_entries WHERE position > %s ORDER BY position LIMIT %s"
_WAITING = "SELECT entry FROM journal_inbox"


@dataclass(frozen=True, slots=True)
class Recount:
    """`rows` None: the year's keys were destroyed, and the rows with them. `entries`: those that counted somebody."""

    year: int
    counters: Counter[Line]
    rows: Counter[Line] | None
    journal: Counter[Line]
    entries: int
    odd: int

    @property
    def differences(self) -> list[Line]:
        accounts = (self.counters, self.journal) if self.rows is None else (self.counters, self.rows, self.journal)
        return differences(*accounts)

    @property
    def agrees(self) -> bool:
        return not self.differences and not self.odd


def recount(database: Database, year: int) -> Recount:
    """Count the year three ways, in memory that does not grow with it. Raises DatabaseUnavailable."""
    with database.unit_of_work() as uow:
        run(uow.session, _SNAPSHOT)
        journal = JournalTotals(year)
        for raw in _entries(uow.session):
            journal.add(decode_entry(raw))
        return Recount(
            year, _counters(uow.session, year), _rows(uow.session, year), +journal.counts, journal.entries, journal.odd
        )


def _entries(session: Session) -> Iterator[bytes]:
    after = -1
    while rows := run(session, _ENTRIES, (after, _PAGE)).all():
        yield from (bytes(row.entry) for row in rows)
        after = rows[-1].position
    yield from (bytes(row.entry) for row in run(session, _WAITING).all())


def _counters(session: Session, year: int) -> Counter[Line]:
    ledger, found = SqlTransferLedger(session), Counter[Line]()
    for total in ledger.totals(year):
        counts = (total.nonsensitive, total.sensitive, total.gross_nonsensitive, total.gross_sensitive)
        found.update({Line(total.exporter, one): number for one, number in zip(EXPORTER_COUNTS, counts, strict=True)})
    found.update({Line(one.recipient, Held.AT_RECIPIENT): one.persons for one in ledger.recipient_totals(year)})
    return +found


def _rows(session: Session, year: int) -> Counter[Line] | None:
    if run(session, _ENDED, (year,)).all():
        return None
    found = Counter[Line]()
    for row in run(session, _ROWS, (year,)).all():
        found.update({Line(row.name, one): int(number) for one, number in zip(EXPORTER_COUNTS, row[1:], strict=True)})
    recipients: list[Any] = run(session, _RECIPIENT_ROWS, (year,)).all()
    found.update({Line(row[0], Held.AT_RECIPIENT): int(row[1]) for row in recipients})
    return +found
