"""Staff in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlmodel import Session

from broker.core.staff import Role, Staff
from broker.stores.staff_tables import STAFF, STAFF_CHALLENGES, STAFF_LINKS, STAFF_SESSIONS
from broker.wire.keys import PublicKey
from broker.wire.registry import KeyUse


class SqlStaffRegister:
    """Port `StaffRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, member: Staff) -> bool:
        row = insert_or_leave(STAFF).values(
            staff_id=member.staff_id,
            name=member.name,
            roles=sorted(member.roles),
            public_key=member.key.to_cose_key(),
            added_at=member.added_at,
            suspended_at=member.suspended_at,
        )
        return self._session.execute(row.on_conflict_do_nothing().returning(STAFF.c.staff_id)).first() is not None

    def find(self, staff_id: str) -> Staff | None:
        return self._one(select(STAFF).where(STAFF.c.staff_id == staff_id))

    def lock(self, staff_id: str) -> Staff | None:
        return self._one(select(STAFF).where(STAFF.c.staff_id == staff_id).with_for_update(read=True))

    def all(self) -> Sequence[Staff]:
        return [staff_of(row) for row in self._session.execute(select(STAFF).order_by(STAFF.c.staff_id))]

    def suspend(self, staff_id: str, at: datetime) -> None:
        # The row first: a session that is being opened holds it, and is then there to be deleted.
        self._session.execute(update(STAFF).where(STAFF.c.staff_id == staff_id).values(suspended_at=at))
        for table in (STAFF_CHALLENGES, STAFF_LINKS, STAFF_SESSIONS):
            self._session.execute(delete(table).where(table.c.staff_id == staff_id))

    def keep_challenge(self, digest: bytes, staff_id: str, *, until: datetime, at: datetime) -> None:
        self._session.execute(delete(STAFF_CHALLENGES).where(STAFF_CHALLENGES.c.expires_at <= at))
        self._session.execute(insert(STAFF_CHALLENGES).values(digest=digest, staff_id=staff_id, expires_at=until))

    def take_challenge(self, digest: bytes, staff_id: str, at: datetime) -> datetime | None:
        table = STAFF_CHALLENGES
        taken = delete(table).where(table.c.digest == digest, table.c.staff_id == staff_id)
        until: datetime | None = self._session.execute(taken.returning(table.c.expires_at)).scalar_one_or_none()
        return until if until is not None and at < until else None

    def keep_link(self, digest: bytes, staff_id: str, *, until: datetime) -> None:
        self._session.execute(insert(STAFF_LINKS).values(digest=digest, staff_id=staff_id, expires_at=until))

    def linked(self, digest: bytes, at: datetime) -> Staff | None:
        return self._one(_behind(STAFF_LINKS, digest, at))

    def take_link(self, digest: bytes, at: datetime) -> Staff | None:
        # The member before the link, as `suspend` does: whichever comes second sees what the first did.
        owner = self._session.execute(select(STAFF_LINKS.c.staff_id).where(STAFF_LINKS.c.digest == digest)).scalar()
        member = self.lock(owner) if owner is not None else None
        taken = delete(STAFF_LINKS).where(STAFF_LINKS.c.digest == digest).returning(STAFF_LINKS.c.expires_at)
        until = self._session.execute(taken).scalar_one_or_none()
        return member if member is not None and member.active and until is not None and at < until else None

    def open_session(self, digest: bytes, staff_id: str, *, until: datetime, at: datetime) -> None:
        # Old ones go when new ones come, of everybody: neither table needs another broom.
        self._session.execute(delete(STAFF_SESSIONS).where(STAFF_SESSIONS.c.expires_at <= at))
        self._session.execute(delete(STAFF_LINKS).where(STAFF_LINKS.c.expires_at <= at))
        row = insert(STAFF_SESSIONS).values(digest=digest, staff_id=staff_id, opened_at=at, expires_at=until)
        self._session.execute(row)

    def session(self, digest: bytes, at: datetime) -> Staff | None:
        return self._one(_behind(STAFF_SESSIONS, digest, at))

    def end_session(self, digest: bytes) -> str | None:
        table = STAFF_SESSIONS
        gone = delete(table).where(table.c.digest == digest).returning(table.c.staff_id)
        ended: str | None = self._session.execute(gone).scalar_one_or_none()
        return ended

    def _one(self, query: "Select[Any]") -> Staff | None:
        row = self._session.execute(query).one_or_none()
        return None if row is None else staff_of(row)


def _behind(table: Any, digest: bytes, at: datetime) -> "Select[Any]":
    """The active member behind a link or a session that stands."""
    found = select(STAFF).join(table, table.c.staff_id == STAFF.c.staff_id)
    return found.where(table.c.digest == digest, table.c.expires_at > at, STAFF.c.suspended_at.is_(None))


def staff_of(row: Any) -> Staff:
    """From a row of `staff`."""
    return Staff(
        staff_id=row.staff_id,
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles),
        key=PublicKey.from_cose_key(bytes(row.public_key), KeyUse.STAFF),
        added_at=row.added_at,
        suspended_at=row.suspended_at,
    )
