"""The transfer ledger over the functions of migrations 0010_transfers and 0012_ledger: unique inserts decide who is
new, stripes let releases count side by side, and near an edge one lock decides.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import Session

from broker.core.counting import FIRST_YEAR, CountingKey, CountingRule
from broker.core.governance.calendar import SHANGHAI
from broker.core.transfer import Held
from broker.flows.ports.transfers import BulkLine, BulkTotal, ExporterTotal, RecipientTotal, Standing, TransferLine
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

_STAND_TOGETHER = "SELECT * FROM lock_and_look_transfers(%s, %s::text[], %s::text[], %s::uuid[])"
_ENTER_TOGETHER = "SELECT enter_transfers(%s::smallint, %s::smallint[], %s::smallint[], %s::uuid[], %s::smallint[])"


class SqlTransferLedger:
    """Port `TransferLedger`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parties: dict[str, int] = {}

    def look(self, line: TransferLine) -> Standing:
        return self._standing(
            line, run(self._session, _LOOK, (line.year, line.exporter, line.recipient, line.person)).one()
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
    ) -> Held | None:
        line = standing.line
        stripe = line.person.int % STRIPES
        edges = (list(exporter_edges), list(recipient_edges), 0 if locked else MARGIN)
        values = (*self._counted(line), line.person, int(add), stripe, *edges)
        entered = run(self._session, _ENTER, values).scalar_one()
        return None if entered is None else Held(entered)

    def stand_together(self, lines: Sequence[TransferLine]) -> list[Standing]:
        names = ([line.exporter for line in lines], [line.recipient for line in lines])
        values = (lines[0].year, *names, [line.person for line in lines])
        found = run(self._session, _STAND_TOGETHER, values).all()
        return [self._standing(line, row) for line, row in zip(lines, found, strict=True)]

    def enter_together(self, entered: Sequence[tuple[Standing, Held]]) -> list[Held]:
        counted = [self._counted(standing.line) for standing, _ in entered]
        values = (
            counted[0][0],
            [exporter for _, exporter, _ in counted],
            [recipient for _, _, recipient in counted],
            [standing.line.person for standing, _ in entered],
            [int(add) for _, add in entered],
        )
        return [Held(bits) for bits in run(self._session, _ENTER_TOGETHER, values).scalar_one()]

    def bulk_persons(self, line: BulkLine, *, since: datetime) -> int:
        exporter, recipient = self._parties[line.exporter], self._parties[line.recipient]
        run(self._session, _BULK_LOCK, (exporter << 16 | recipient,))
        values = (exporter, recipient, sorted(line.kinds), since, line.person, line.earlier)
        return int(run(self._session, _BULK_COUNT, values).scalar_one()) + 1

    def enter_bulk(self, line: BulkLine, *, at: datetime) -> None:
        exporter, recipient = self._parties[line.exporter], self._parties[line.recipient]
        run(self._session, _BULK_RENAME, (line.person, line.earlier))
        run(self._session, _BULK_ENTER, (exporter, recipient, line.person, at, sorted(line.kinds)))

    def merge(self, year: int, *, survivor: UUID, merged: UUID) -> None:
        run(self._session, "SELECT merge_counted(%s::smallint, %s, %s)", (year, survivor, merged))

    def merge_bulk(self, *, survivor: UUID, merged: UUID) -> None:
        run(self._session, _BULK_MERGE, (survivor, merged))
        run(self._session, _BULK_MOVE, (survivor, survivor, merged))

    def origins(self) -> frozenset[str]:
        return frozenset(row[0] for row in run(self._session, _ORIGINS).all())

    def keys_ended(self) -> frozenset[CountingKey]:
        rows = run(self._session, "SELECT rule, origin, year FROM counting_keys_ended").all()
        return frozenset(CountingKey(CountingRule(row.rule), row.origin, row.year) for row in rows)

    def note_ended(self, keys: Collection[CountingKey], at: datetime) -> None:
        for key in sorted(keys):
            if key.rule is CountingRule.STATUTORY:
                run(self._session, "SELECT drop_transfer_year(%s)", (key.year,))
            else:
                run(self._session, _BULK_FORGET, (datetime(key.year + 1, 1, 1, tzinfo=SHANGHAI),))
            run(self._session, _ENDED, (key.rule.value, key.origin, key.year, at))

    def make_years(self, last: int) -> None:
        run(
            self._session,
            "SELECT make_transfer_year(year) FROM generate_series(%s::integer, %s::integer) AS year",
            (FIRST_YEAR, last),
        )

    def fold_faces(self) -> None:
        run(self._session, "SELECT fold_stored_faces()")

    def totals(self, year: int) -> Sequence[ExporterTotal]:
        return [ExporterTotal(row[0], *map(int, row[1:])) for row in run(self._session, _TOTALS, (year,)).all()]

    def recipient_totals(self, year: int) -> Sequence[RecipientTotal]:
        return [RecipientTotal(row[0], int(row[1])) for row in run(self._session, _RECIPIENT_TOTALS, (year,)).all()]

    def bulk_totals(self, since: datetime) -> Sequence[BulkTotal]:
        rows = run(self._session, _BULK_TOTALS, (since,)).all()
        return [BulkTotal(row.exporter, row.recipient, int(row.persons), frozenset(row.kinds)) for row in rows]

    def stored_faces(self, origin: str) -> int:
        return int(run(self._session, _STORED_FACES, (origin,)).scalar_one())

    def _standing(self, line: TransferLine, row: Any) -> Standing:
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

    def _counted(self, line: TransferLine) -> tuple[int, int, int]:
        return line.year, self._parties[line.exporter], self._parties[line.recipient]


# One at a time for a pair of parties; the number is no other lock's.
_BULK_LOCK = "SELECT pg_advisory_xact_lock(28202, %s)"
_BULK_COUNT = (
    "SELECT count(DISTINCT person) FROM transfer_us_persons "
    "WHERE exporter = %s AND recipient = %s AND kind = ANY(%s) AND last_at >= %s AND person NOT IN (%s, %s)"
)
# A person has rows under one name only: this year's, from the first release of this year on.
_BULK_RENAME = "UPDATE transfer_us_persons SET person = %s WHERE person = %s"
_BULK_ENTER = (
    "INSERT INTO transfer_us_persons AS held (exporter, recipient, person, last_at, kind) "
    "SELECT %s, %s, %s, %s, unnest(%s::text[]) ORDER BY 5 ON CONFLICT (exporter, recipient, kind, person) "
    "DO UPDATE SET last_at = greatest(held.last_at, excluded.last_at)"
)
_BULK_MERGE = (
    "UPDATE transfer_us_persons AS ours SET last_at = greatest(ours.last_at, theirs.last_at) "
    "FROM transfer_us_persons AS theirs WHERE ours.person = %s AND theirs.person = %s "
    "AND (ours.exporter, ours.recipient, ours.kind) = (theirs.exporter, theirs.recipient, theirs.kind)"
)
_BULK_MOVE = (
    "UPDATE transfer_us_persons AS theirs SET person = %s WHERE NOT EXISTS ("
    "SELECT FROM transfer_us_persons AS ours WHERE ours.person = %s "
    "AND (ours.exporter, ours.recipient, ours.kind) = (theirs.exporter, theirs.recipient, theirs.kind)) "
    "AND theirs.person = %s"
)
_BULK_FORGET = "DELETE FROM transfer_us_persons WHERE last_at < %s"
# An exporter's name ends with the jurisdiction whose law binds it.
_ORIGINS = (
    "SELECT DISTINCT substring(name FROM '[^/]*$') FROM transfer_counts JOIN transfer_parties ON party_id = exporter"
)
_ENDED = "INSERT INTO counting_keys_ended (rule, origin, year, ended_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
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
_BULK_TOTALS = (
    "SELECT gave.name AS exporter, got.name AS recipient, count(DISTINCT person) AS persons, "
    "array_agg(DISTINCT kind) AS kinds FROM transfer_us_persons "
    "JOIN transfer_parties AS gave ON gave.party_id = exporter "
    "JOIN transfer_parties AS got ON got.party_id = recipient "
    'WHERE last_at >= %s GROUP BY gave.name, got.name ORDER BY gave.name COLLATE "C", got.name COLLATE "C"'
)
_STORED_FACES = "SELECT coalesce(sum(change), 0) FROM stored_face_changes WHERE origin = %s"
