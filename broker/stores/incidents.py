"""Incidents in PostgreSQL. Who was touched is read from the journal's clear part, entry by entry."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update

from broker.core.incident import Criterion, Incident, PersonNotice, Statement
from broker.core.journal import decode_entry
from broker.stores.journal import ENTRIES, INBOX
from broker.stores.rights_tables import INCIDENTS, PERSON_NOTICES
from broker.stores.tables import TRAVELLER_ENTRIES
from broker.stores.unit_of_work import UnitOfWork
from broker.wire.keys import Entropy

_FETCH: Final = 2000


class SqlIncidentRegister:
    """Port `IncidentRegister`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._session = uow.session

    def affected(self, criterion: Criterion) -> Sequence[UUID]:
        found: set[UUID] = set()
        for log in (ENTRIES, INBOX):
            query = (
                select(TRAVELLER_ENTRIES.c.traveller_id, log.c.entry)
                .join(log, log.c.leaf_hash == TRAVELLER_ENTRIES.c.leaf_hash)
                .where(TRAVELLER_ENTRIES.c.at >= criterion.since, TRAVELLER_ENTRIES.c.at < criterion.until)
            )
            for row in self._session.execute(query.execution_options(yield_per=_FETCH)):
                if row.traveller_id not in found and criterion.touches(decode_entry(bytes(row.entry)).clear):
                    found.add(row.traveller_id)
        return sorted(found)

    def enter(self, incident: Incident) -> None:
        stated = incident.statement.model_dump(mode="json")
        self._session.execute(
            insert(INCIDENTS).values(
                incident_id=incident.incident_id,
                criterion=stated.pop("criterion"),
                statement=stated,
                opened_by=incident.opened_by,
                known_at=incident.statement.known_at,
                opened_at=incident.opened_at,
                affected=incident.affected,
                leaf=incident.leaf,
            )
        )

    def tell(
        self, incident_id: UUID, people: Collection[UUID], body: Mapping[str, Any], *, at: datetime, entropy: Entropy
    ) -> None:
        if people:
            rows = [
                {
                    "notice_id": UUID(bytes=entropy(16), version=4),
                    "traveller_id": person,
                    "incident_id": incident_id,
                    "body": dict(body),
                    "told_at": at,
                }
                for person in people
            ]
            self._session.execute(insert(PERSON_NOTICES), rows)

    def notices(self, traveller: UUID) -> Sequence[PersonNotice]:
        query = select(PERSON_NOTICES).where(PERSON_NOTICES.c.traveller_id == traveller)
        rows = self._session.execute(query.order_by(PERSON_NOTICES.c.told_at.desc(), PERSON_NOTICES.c.notice_id))
        return [
            PersonNotice(
                row.notice_id, row.incident_id, row.body["contact"], row.body["words"], row.told_at, row.seen_at
            )
            for row in rows
        ]

    def seen(self, traveller: UUID, at: datetime) -> None:
        table = PERSON_NOTICES
        unseen = update(table).where(table.c.traveller_id == traveller, table.c.seen_at.is_(None))
        self._session.execute(unseen.values(seen_at=at))

    def counts(self) -> Sequence[tuple[Incident, int]]:
        read = (
            select(func.count())
            .where(PERSON_NOTICES.c.incident_id == INCIDENTS.c.incident_id, PERSON_NOTICES.c.seen_at.is_not(None))
            .scalar_subquery()
        )
        query = select(INCIDENTS, read.label("read")).order_by(INCIDENTS.c.opened_at.desc(), INCIDENTS.c.incident_id)
        return [(_incident(row), int(row.read)) for row in self._session.execute(query)]


def _incident(row: Row[Any]) -> Incident:
    statement = Statement.model_validate({**row.statement, "criterion": row.criterion})
    return Incident(row.incident_id, statement, row.opened_by, row.opened_at, row.affected, bytes(row.leaf))
