"""Governed changes in PostgreSQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, delete, event, insert, select, update
from sqlmodel import Session

from broker.core.change_body import LISTS, Kind
from broker.core.governed_change import ChangeSignature, GovernedChange, is_sound, is_spent
from broker.core.special_list import Special, SpecialList
from broker.core.standing_changes import StandingChanges, terms_of
from broker.flows.ports.changes import ChangesUnsound
from broker.stores.change_tables import CHANGE_SIGNATURES, CHANGES, SPECIAL_MEMBERS, VERSION
from broker.stores.driver import run
from broker.stores.staff import SqlStaffRegister
from broker.stores.standing_cache import StandingCache

_VERSION: Final = "SELECT version FROM governed_version"


class SqlChangeRegister:
    """Port `ChangeRegister`. `cache` is the process's."""

    def __init__(self, session: Session, cache: StandingCache) -> None:
        self._session = session
        self._cache = cache

    def add(self, change: GovernedChange, members: SpecialList | None) -> None:
        self._session.execute(
            insert(CHANGES).values(
                change_id=change.change_id,
                kind=change.kind.value,
                body=dict(change.body),
                because=change.because,
                origin=change.origin,
                since=change.since,
                until=change.until,
                proposed_by=change.proposed_by,
                proposed_at=change.proposed_at,
            )
        )
        if members is not None and members.members:
            rows = [
                {"change_id": change.change_id, "member": member, "grade": special.grade, "since": special.since}
                for member, special in members.members.items()
            ]
            self._session.execute(insert(SPECIAL_MEMBERS), rows)

    def find(self, change_id: UUID) -> GovernedChange | None:
        return self._one(select(CHANGES).where(CHANGES.c.change_id == change_id))

    def lock(self, change_id: UUID) -> GovernedChange | None:
        change = self._one(select(CHANGES).where(CHANGES.c.change_id == change_id).with_for_update())
        # So that `put_in_force` waits for nobody: between the moment it is given and the commit no lock is taken.
        self._session.execute(select(VERSION.c.version).with_for_update())
        return change

    def sign(self, change_id: UUID, signature: ChangeSignature) -> None:
        self._session.execute(
            insert(CHANGE_SIGNATURES).values(
                change_id=change_id,
                staff_id=signature.staff_id,
                signature=signature.value,
                signed_at=signature.signed_at,
            )
        )

    def put_in_force(self, change_id: UUID, at: datetime) -> None:
        self._session.execute(update(CHANGES).where(CHANGES.c.change_id == change_id).values(in_force_at=at))
        self._session.execute(update(VERSION).values(version=VERSION.c.version + 1))
        # Other processes find out by the version; this one need not wait for it.
        event.listen(self._session, "after_commit", lambda _session: self._cache.forget(), once=True)

    def all(self, *, limit: int = 200) -> Sequence[GovernedChange]:
        newest = select(CHANGES).order_by(CHANGES.c.proposed_at.desc(), CHANGES.c.change_id).limit(limit)
        return self._with_signatures(self._session.execute(newest).all())

    def members(self, change_id: UUID) -> SpecialList | None:
        change = self.find(change_id)
        if change is None or change.kind not in LISTS:
            return None
        return self._list(change) if self._has_entries(change_id) or not change.body["entries"] else None

    def lists_to_forget(self, at: datetime, *, kept: timedelta) -> Sequence[UUID]:
        rows = self._session.execute(
            select(CHANGES).where(CHANGES.c.change_id.in_(select(SPECIAL_MEMBERS.c.change_id)))
        )
        changes = self._with_signatures(rows.all())
        return [change.change_id for change in changes if is_spent(change, at, kept=kept)]

    def forget_list(self, change_id: UUID) -> None:
        self._session.execute(delete(SPECIAL_MEMBERS).where(SPECIAL_MEMBERS.c.change_id == change_id))

    def _has_entries(self, change_id: UUID) -> bool:
        query = select(SPECIAL_MEMBERS.c.change_id).where(SPECIAL_MEMBERS.c.change_id == change_id).limit(1)
        return self._session.execute(query).first() is not None

    def standing(self, at: datetime) -> StandingChanges:
        return self._cache.standing(at, version=self._version, load=self._load)

    def _version(self) -> int:
        return int(run(self._session, _VERSION).scalar_one())

    def _load(self, since: datetime) -> StandingChanges:
        """Everything that was ever in force, for a change may have ended another, and the lists still needed."""
        rows = self._session.execute(select(CHANGES).where(CHANGES.c.in_force_at.is_not(None))).all()
        changes = self._with_signatures(rows)
        register = SqlStaffRegister(self._session)
        signers = {member.staff_id: member for member in register.all()} if changes else {}
        for change in changes:
            if not is_sound(change, signers):
                raise ChangesUnsound(f"change {change.change_id} is in force without two good signatures")
        needed = [term.change for term in terms_of(changes) if term.change.kind in LISTS and term.ends > since]
        return StandingChanges.of(changes, {change.change_id: self._list(change) for change in needed})

    def _list(self, change: GovernedChange) -> SpecialList:
        table = SPECIAL_MEMBERS
        rows = self._session.execute(select(table).where(table.c.change_id == change.change_id))
        members = {bytes(row.member): Special(row.grade, row.since) for row in rows}
        made = SpecialList(change.change_id, change.kind, members)
        if (len(members), made.digest()) != (change.body["entries"], change.body["digest"]):
            raise ChangesUnsound(f"the list of change {change.change_id} is not the one that was signed")
        return made

    def _one(self, query: "Select[Any]") -> GovernedChange | None:
        row = self._session.execute(query).one_or_none()
        return None if row is None else self._with_signatures([row])[0]

    def _with_signatures(self, rows: Iterable[Any]) -> list[GovernedChange]:
        found = {row.change_id: row for row in rows}
        table = CHANGE_SIGNATURES
        given: dict[UUID, list[ChangeSignature]] = {change_id: [] for change_id in found}
        if found:
            query = select(table).where(table.c.change_id.in_(found)).order_by(table.c.signed_at, table.c.staff_id)
            for row in self._session.execute(query):
                given[row.change_id].append(ChangeSignature(row.staff_id, bytes(row.signature), row.signed_at))
        return [change_of(row, given[change_id]) for change_id, row in found.items()]


def change_of(row: Any, signatures: Iterable[ChangeSignature]) -> GovernedChange:
    """From a row of `governed_changes`."""
    return GovernedChange(
        change_id=row.change_id,
        kind=Kind(row.kind),
        body=row.body,
        because=row.because,
        origin=row.origin,
        since=row.since,
        until=row.until,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        signatures=tuple(signatures),
        in_force_at=row.in_force_at,
    )
