"""Status indices and published status lists."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import Session

from broker.flows.ports import PublishedList
from broker.stores.tables import STATUS_ENTRIES, STATUS_LISTS
from broker.wire.status_list import LIST_BITS, MAX_LIST_NO

# `needed_until` moves ahead by this much more than needed, so that minting rarely waits for the list's row.
_STEP = timedelta(hours=6)

_CURRENT = text("SELECT list_no, needed_until FROM status_lists ORDER BY list_no DESC LIMIT 1")


class StatusIndicesExhausted(Exception):
    """All 2^32 indices of the format are used up: a new status list profile is due."""


class SqlStatusRegister:
    """Port `StatusRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def space(self, until: datetime) -> int:
        row = self._session.execute(_CURRENT).one_or_none()
        if row is None:
            return self._open(0, until)
        if row.needed_until < until:
            ahead = update(STATUS_LISTS).where(STATUS_LISTS.c.list_no == row.list_no)
            self._session.execute(ahead.where(STATUS_LISTS.c.needed_until < until).values(needed_until=until + _STEP))
        return int(row.list_no)

    def next_space(self, full: int, until: datetime) -> int:
        return self._open(full + 1, until)

    def revoke(self, indices: Iterable[int], at: datetime) -> None:
        change = update(STATUS_ENTRIES).where(
            STATUS_ENTRIES.c.status_index.in_(list(indices)), STATUS_ENTRIES.c.revoked_at.is_(None)
        )
        self._session.execute(change.values(revoked_at=at))

    def lock_list(self, list_no: int) -> PublishedList | None:
        query = select(STATUS_LISTS).where(STATUS_LISTS.c.list_no == list_no).with_for_update()
        row = self._session.execute(query).one()
        return PublishedList(list_no, row.version, row.issued_at, bytes(row.raw)) if row.version else None

    def revoked_offsets(self, list_no: int) -> Sequence[int]:
        first = list_no * LIST_BITS
        query = select(STATUS_ENTRIES.c.status_index - first).where(
            STATUS_ENTRIES.c.revoked_at.is_not(None),
            STATUS_ENTRIES.c.status_index >= first,
            STATUS_ENTRIES.c.status_index < first + LIST_BITS,
        )
        return self._session.execute(query).scalars().all()

    def publish(self, published: PublishedList) -> None:
        change = update(STATUS_LISTS).where(
            STATUS_LISTS.c.list_no == published.list_no, STATUS_LISTS.c.version < published.version
        )
        self._session.execute(
            change.values(version=published.version, issued_at=published.issued_at, raw=published.raw)
        )

    def published(self, list_no: int) -> PublishedList | None:
        query = select(STATUS_LISTS).where(STATUS_LISTS.c.list_no == list_no, STATUS_LISTS.c.version > 0)
        row = self._session.execute(query).one_or_none()
        return None if row is None else PublishedList(list_no, row.version, row.issued_at, bytes(row.raw))

    def in_use(self, at: datetime) -> Sequence[int]:
        query = select(STATUS_LISTS.c.list_no).where(STATUS_LISTS.c.needed_until > at)
        found = self._session.execute(query.order_by(STATUS_LISTS.c.list_no)).scalars().all()
        return found or [self.space(at)]

    def _open(self, list_no: int, until: datetime) -> int:
        if list_no > MAX_LIST_NO:
            raise StatusIndicesExhausted
        fresh = insert_once(STATUS_LISTS).values(list_no=list_no, needed_until=until + _STEP)
        self._session.execute(fresh.on_conflict_do_nothing())
        return list_no
