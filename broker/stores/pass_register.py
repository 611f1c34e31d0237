"""Minted passes, what gates did with them, and the unique inserts that make each of these happen once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import Session

from broker.core.travel import IssuedPass
from broker.stores.tables import PASS_ANSWERS, PASS_SPENDS, PASSES, STATUS_ENTRIES
from broker.wire.travel_pass import PassMode


class SqlPassRegister:
    """Port `PassRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_traveller(self, traveller: UUID, pass_id: bytes) -> IssuedPass | None:
        found = self._all(and_(PASSES.c.traveller_id == traveller, PASSES.c.pass_id == pass_id))
        return found[0] if found else None

    def find(self, zone: str, pass_id: bytes) -> IssuedPass | None:
        found = self._all(_one(zone, pass_id))
        return found[0] if found else None

    def lock(self, zone: str, pass_id: bytes) -> IssuedPass:
        # Two statements: a join would take the status bit from the snapshot before the wait for the lock.
        self._session.execute(select(PASSES.c.zone).where(_one(zone, pass_id)).with_for_update()).one()
        return self._all(_one(zone, pass_id))[0]

    def live(self, traveller: UUID, *, at: datetime, resting_on: UUID | None = None) -> Sequence[IssuedPass]:
        wanted = and_(
            PASSES.c.traveller_id == traveller, PASSES.c.expires_at > at, STATUS_ENTRIES.c.revoked_at.is_(None)
        )
        if resting_on is not None:
            wanted = and_(wanted, PASSES.c.consent_ids.contains([resting_on]))
        return self._all(wanted)

    def spend(self, zone: str, pass_id: bytes, *, gate_id: str, event_id: bytes, at: datetime) -> bool:
        # A release that holds the pass ends first; one that comes later finds it spent.
        self._session.execute(select(PASSES.c.zone).where(_one(zone, pass_id)).with_for_update())
        spend = insert_once(PASS_SPENDS).values(
            zone=zone, pass_id=pass_id, gate_id=gate_id, event_id=event_id, spent_at=at
        )
        once = spend.on_conflict_do_nothing().returning(PASS_SPENDS.c.event_id)
        return self._session.execute(once).first() is not None

    def latest_offline_epoch(self, traveller: UUID) -> int | None:
        query = select(func.max(PASSES.c.epoch)).where(PASSES.c.traveller_id == traveller)
        epoch: int | None = self._session.execute(query).scalar_one()
        return epoch

    def forget(self, traveller: UUID) -> None:
        change = update(PASSES).where(PASSES.c.traveller_id == traveller)
        self._session.execute(change.values(traveller_id=None, device_key=None, consent_ids=[], pass_bytes=b""))

    def drop_expired_before(self, moment: datetime) -> int:
        gone = self._session.execute(
            delete(PASSES).where(PASSES.c.expires_at < moment).returning(PASSES.c.zone, PASSES.c.pass_id)
        ).all()
        for table in (PASS_SPENDS, PASS_ANSWERS):
            for zone in {row.zone for row in gone}:
                ids = [row.pass_id for row in gone if row.zone == zone]
                self._session.execute(delete(table).where(table.c.zone == zone, table.c.pass_id.in_(ids)))
        return len(gone)

    def _all(self, wanted: ColumnElement[bool]) -> list[IssuedPass]:
        spent = exists().where(PASS_SPENDS.c.zone == PASSES.c.zone, PASS_SPENDS.c.pass_id == PASSES.c.pass_id)
        query: Select[Any] = select(PASSES, STATUS_ENTRIES.c.revoked_at, spent.label("spent")).join_from(
            PASSES, STATUS_ENTRIES, PASSES.c.status_index == STATUS_ENTRIES.c.status_index
        )
        return [issued_pass(row) for row in self._session.execute(query.where(wanted).order_by(PASSES.c.pass_id))]


def _one(zone: str, pass_id: bytes) -> ColumnElement[bool]:
    return and_(PASSES.c.zone == zone, PASSES.c.pass_id == pass_id)


def issued_pass(row: Any) -> IssuedPass:
    """From a row of `passes` with its `revoked_at` and whether it is `spent`."""
    return IssuedPass(
        zone=row.zone,
        pass_id=bytes(row.pass_id),
        traveller=row.traveller_id,
        consents=tuple(row.consent_ids),
        template_id=row.template_id,
        mode=PassMode(row.mode),
        device_key=bytes(row.device_key or b""),
        status_index=row.status_index,
        epoch=row.epoch,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        pass_bytes=bytes(row.pass_bytes),
        revoked_at=row.revoked_at,
        spent=row.spent,
        reserved_by=row.reserved_by,
        reserved_until=row.reserved_until,
    )
