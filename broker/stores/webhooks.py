"""The outbox of notices to partners in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlmodel import Session

from broker.core.webhook import LEASE, EventState, PartnerEvent
from broker.stores.oidc_tables import grants, subjects
from broker.stores.partner_tables import PARTNER_EVENTS, PARTNERS
from broker.wire.keys import Entropy

_WAITING = PARTNER_EVENTS.c.state == EventState.WAITING.value


class SqlPartnerEvents:
    """Port `PartnerEvents`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def enqueue(
        self,
        partner_id: str,
        event: str,
        body: Mapping[str, Any],
        *,
        about: UUID | None = None,
        at: datetime,
        entropy: Entropy,
    ) -> None:
        listens = select(PARTNERS.c.partner_id).where(
            PARTNERS.c.partner_id == partner_id, PARTNERS.c.webhook_url.is_not(None)
        )
        if self._session.execute(listens).first() is None:
            return
        self._session.execute(
            insert(PARTNER_EVENTS).values(
                event_id=UUID(bytes=entropy(16), version=4),
                partner_id=partner_id,
                name=event,
                subject=self._subject(body) if about is None else self._pseudonym(about, partner_id),
                body=dict(body),
                created_at=at,
                state=EventState.WAITING.value,
                attempts=0,
                next_at=at,
            )
        )

    def take_due(self, at: datetime, *, partners: int, each: int) -> Sequence[PartnerEvent]:
        table = PARTNER_EVENTS
        order = (table.c.attempts, table.c.created_at)
        place = func.row_number().over(partition_by=table.c.partner_id, order_by=(table.c.next_at, *order))
        due = select(table.c.event_id, table.c.partner_id, table.c.next_at, place.label("place")).where(
            _WAITING, table.c.next_at <= at
        )
        ranked = due.subquery()
        # Who has waited longest, or partners that do not answer would keep their places for ever.
        chosen = (
            select(ranked.c.partner_id)
            .group_by(ranked.c.partner_id)
            .order_by(func.min(ranked.c.next_at), ranked.c.partner_id)
            .limit(partners)
        )
        ids = select(ranked.c.event_id).where(ranked.c.place <= each, ranked.c.partner_id.in_(chosen))
        # Another worker's take commits before this lock is granted, or its rows are skipped: nothing is taken twice.
        locked = (
            select(table)
            .where(table.c.event_id.in_(ids), _WAITING, table.c.next_at <= at)
            .order_by(*order)
            .with_for_update(skip_locked=True)
        )
        events = [_event(row) for row in self._session.execute(locked)]
        taken = update(table).where(table.c.event_id.in_([event.event_id for event in events]))
        self._session.execute(taken.values(next_at=at + LEASE))
        return events

    def decided(self, event_id: UUID, *, subject: str | None) -> None:
        chosen = update(PARTNER_EVENTS).where(PARTNER_EVENTS.c.event_id == event_id)
        self._session.execute(chosen.values(decided=True, subject=subject))

    def delivered(self, event_id: UUID, *, outcome: str, at: datetime) -> None:
        self._settle(event_id, state=EventState.DELIVERED.value, last_outcome=outcome, settled_at=at)

    def failed(self, event_id: UUID, *, outcome: str, again_at: datetime) -> None:
        self._settle(event_id, last_outcome=outcome, next_at=again_at)

    def put_off(self, partner_id: str, until: datetime) -> None:
        table = PARTNER_EVENTS
        early = select(table.c.event_id).where(table.c.partner_id == partner_id, _WAITING, table.c.next_at < until)
        # Whoever holds one of these rows is settling it: waiting for each other would be a deadlock.
        free = early.with_for_update(skip_locked=True)
        self._session.execute(update(table).where(table.c.event_id.in_(free)).values(next_at=until))

    def given_up(self, event_id: UUID, *, outcome: str, at: datetime) -> None:
        self._settle(event_id, state=EventState.DEAD.value, last_outcome=outcome, settled_at=at)

    def revive(self, partner_id: str, at: datetime) -> int:
        table = PARTNER_EVENTS
        dead = update(table).where(table.c.partner_id == partner_id, table.c.state == EventState.DEAD.value)
        values = {"state": EventState.WAITING.value, "attempts": 0, "next_at": at, "settled_at": None}
        return int(getattr(self._session.execute(dead.values(**values)), "rowcount", 0))

    def of(self, partner_id: str | None, *, state: EventState | None, limit: int) -> Sequence[PartnerEvent]:
        query = select(PARTNER_EVENTS).order_by(PARTNER_EVENTS.c.created_at.desc()).limit(limit)
        if partner_id is not None:
            query = query.where(PARTNER_EVENTS.c.partner_id == partner_id)
        if state is not None:
            query = query.where(PARTNER_EVENTS.c.state == state.value)
        return [_event(row) for row in self._session.execute(query)]

    def drop_settled_before(self, moment: datetime) -> int:
        old = delete(PARTNER_EVENTS).where(PARTNER_EVENTS.c.settled_at < moment)
        return int(getattr(self._session.execute(old), "rowcount", 0))

    def _settle(self, event_id: UUID, **values: Any) -> None:
        table = PARTNER_EVENTS
        change = update(table).where(table.c.event_id == event_id, _WAITING)
        self._session.execute(change.values(attempts=table.c.attempts + 1, **values))

    def _subject(self, body: Mapping[str, Any]) -> str | None:
        listed = body.get("grants") or ()
        known = select(grants.c.subject).where(grants.c.grant_id.in_([UUID(str(one)) for one in listed])).limit(1)
        return self._session.execute(known).scalar_one_or_none() if listed else None

    def _pseudonym(self, traveller: UUID, partner_id: str) -> str | None:
        """It outlives every grant. A partner is the sector of its clients."""
        known = select(subjects.c.subject).where(subjects.c.traveller_id == traveller, subjects.c.sector == partner_id)
        return self._session.execute(known).scalar_one_or_none()


def _event(row: "Row[Any]") -> PartnerEvent:
    return PartnerEvent(
        event_id=row.event_id,
        partner_id=row.partner_id,
        name=row.name,
        subject=row.subject,
        body=row.body,
        created_at=row.created_at,
        attempts=row.attempts,
        state=EventState(row.state),
        last_outcome=row.last_outcome,
        decided=row.decided,
    )
