"""Releases counted by day and route, in PostgreSQL; the journal is read once from its beginning."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from broker.core.flow_summary import Flow, FlowKey
from broker.core.journal import decode_entry
from broker.flows.ports.samples import PlacedEntry
from broker.stores.journal import CHECKPOINTS, ENTRIES
from broker.stores.sample_tables import JOURNAL_READERS, RELEASE_DAYS

_READER = JOURNAL_READERS.c.name == "releases"


class SqlReleaseFlows:
    """Port `ReleaseFlows`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_position(self) -> int | None:
        query = select(JOURNAL_READERS.c.position).where(_READER).with_for_update(skip_locked=True)
        return self._session.execute(query).scalar_one_or_none()

    def read(self, position: int, *, limit: int) -> Sequence[PlacedEntry]:
        query = select(ENTRIES).where(ENTRIES.c.position >= position).order_by(ENTRIES.c.position).limit(limit)
        rows = self._session.execute(query).all()
        return [PlacedEntry(row.position, bytes(row.leaf_hash), decode_entry(bytes(row.entry))) for row in rows]

    def advance(self, position: int) -> None:
        self._session.execute(update(JOURNAL_READERS).where(_READER).values(position=position))

    def add(self, flows: Sequence[Flow]) -> None:
        if not flows:
            return
        columns = ("day", "origin", "destination", "gate", "mechanism", "band")
        rows = [
            {name: getattr(flow.key, name) for name in columns}
            | {"releases": flow.releases, "score_sum": flow.score_sum, "score_max": flow.score_max}
            for flow in flows
        ]
        fresh = insert(RELEASE_DAYS)
        known, new = RELEASE_DAYS.c, fresh.excluded
        counted = fresh.on_conflict_do_update(
            index_elements=columns,
            set_={
                "releases": known.releases + new.releases,
                "score_sum": known.score_sum + new.score_sum,
                "score_max": func.greatest(known.score_max, new.score_max),
            },
        )
        self._session.execute(counted, rows)

    def between(self, first: date, last: date) -> Sequence[Flow]:
        table = RELEASE_DAYS
        query = select(table).where(table.c.day.between(first, last)).order_by(*table.primary_key.columns)
        return [
            Flow(
                FlowKey(row.day, row.origin, row.destination, row.gate, row.mechanism, row.band),
                row.releases,
                row.score_sum,
                row.score_max,
            )
            for row in self._session.execute(query).all()
        ]

    def log(self, position: int, *, limit: int, size: int) -> Sequence[bytes | str]:
        end = min(position + limit, size)
        query = (
            select(ENTRIES.c.position, ENTRIES.c.entry, CHECKPOINTS.c.note)
            .outerjoin(CHECKPOINTS, CHECKPOINTS.c.size == ENTRIES.c.position + 1)
            .where(ENTRIES.c.position >= position, ENTRIES.c.position < end)
            .order_by(ENTRIES.c.position)
        )
        found: list[bytes | str] = []
        for row in self._session.execute(query).all():
            found.append(bytes(row.entry))
            if row.note is not None:
                found.append(str(row.note))
        return found
