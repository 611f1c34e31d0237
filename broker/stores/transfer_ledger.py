"""The transfer ledger over the functions of migration 0010_transfers: unique inserts decide who is new, stripes let
releases count side by side, and near an edge one lock decides.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.core.transfer import Held
from broker.flows.ports.transfers import ExporterTotal, RecipientTotal, Standing, TransferLine
from broker.stores.driver import run

STRIPES: Final = 16
# More than the connections of all workers together: as many releases at most are in flight, and each adds one person.
MARGIN: Final = 1024

_LOOK = "SELECT * FROM look_transfer(%s, %s, %s, %s)"
_LOCK = "SELECT lock_transfers(%s::smallint, %s::smallint, %s::smallint)"
_ENTER = (
    "SELECT enter_transfer(%s::smallint, %s::smallint, %s::smallint, %s, %s::smallint, %s::smallint, "
    "%s::bigint[], %s::bigint[], %s)"
)


class SqlTransferLedger:
    """Port `TransferLedger`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parties: dict[str, int] = {}

    def look(self, line: TransferLine) -> Standing:
        row = run(self._session, _LOOK, (line.year, line.exporter, line.recipient, line.person)).one()
        self._parties |= {line.exporter: row.exporter_id, line.recipient: row.recipient_id}
        return Standing(
            line,
            nonsensitive=int(row.nonsensitive),
            sensitive=int(row.sensitive),
            gross_nonsensitive=int(row.gross_nonsensitive),
            gross_sensitive=int(row.gross_sensitive),
            at_recipient=int(row.at_recipient),
            held=Held(row.seen),
            met=row.met,
        )

    def lock(self, line: TransferLine) -> Standing:
        if line.exporter not in self._parties or line.recipient not in self._parties:
            self.look(line)  # makes the stripes that are locked next
        run(self._session, _LOCK, self._counted(line))
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
        stripe = line.person.int % STRIPES
        edges = (list(exporter_edges), list(recipient_edges), 0 if locked else MARGIN)
        values = (*self._counted(line), line.person, int(add), stripe, *edges)
        return bool(run(self._session, _ENTER, values).scalar_one())

    def recent_at_us_recipient(self, line: TransferLine, *, since: datetime) -> tuple[int, bool]:
        self.lock(line)
        row = run(self._session, _US_COUNT, (line.person, *self._counted(line)[1:], since)).one()
        return int(row.persons), bool(row.among)

    def enter_us_recipient(self, line: TransferLine, *, at: datetime) -> None:
        run(self._session, _US_ENTER, (*self._counted(line)[1:], line.person, at))

    def forget_us_before(self, moment: datetime) -> int:
        return int(run(self._session, _US_FORGET, (moment,)).rowcount)

    def totals(self, year: int) -> Sequence[ExporterTotal]:
        return [ExporterTotal(row[0], *map(int, row[1:])) for row in run(self._session, _TOTALS, (year,)).all()]

    def recipient_totals(self, year: int) -> Sequence[RecipientTotal]:
        return [RecipientTotal(row[0], int(row[1])) for row in run(self._session, _RECIPIENT_TOTALS, (year,)).all()]

    def stored_faces(self, origin: str) -> int:
        return int(run(self._session, _STORED_FACES, (origin,)).scalar_one())

    def _counted(self, line: TransferLine) -> tuple[int, int, int]:
        return line.year, self._parties[line.exporter], self._parties[line.recipient]


_US_COUNT = (
    "SELECT count(*) AS persons, coalesce(bool_or(person = %s), false) AS among FROM transfer_us_persons "
    "WHERE exporter = %s AND recipient = %s AND last_at > %s"
)
_US_ENTER = (
    "INSERT INTO transfer_us_persons AS held (exporter, recipient, person, last_at) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (exporter, recipient, person) DO UPDATE SET last_at = greatest(held.last_at, excluded.last_at)"
)
_US_FORGET = "DELETE FROM transfer_us_persons WHERE last_at < %s"

_TOTALS = (
    "SELECT name, sum(nonsensitive) AS nonsensitive, sum(sensitive) AS sensitive, "
    "sum(gross_nonsensitive) AS gross_nonsensitive, sum(gross_sensitive) AS gross_sensitive "
    "FROM transfer_counts JOIN transfer_parties ON party_id = exporter WHERE year = %s "
    "GROUP BY name HAVING sum(transfer_counts.gross_nonsensitive + transfer_counts.gross_sensitive) > 0 "
    'ORDER BY name COLLATE "C"'
)
_RECIPIENT_TOTALS = (
    "SELECT name, sum(persons) AS persons FROM transfer_recipient_counts "
    "JOIN transfer_parties ON party_id = recipient WHERE year = %s "
    "GROUP BY name HAVING sum(transfer_recipient_counts.persons) > 0 "
    'ORDER BY name COLLATE "C"'
)
_STORED_FACES = "SELECT coalesce(sum(change), 0) FROM stored_face_changes WHERE origin = %s"
