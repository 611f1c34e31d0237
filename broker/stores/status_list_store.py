"""Status indices and published status lists."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import Session

from broker.flows.ports import PublishedList
from broker.stores.tables import STATUS_ENTRIES, STATUS_LISTS
from broker.wire.keys import Entropy
from broker.wire.status_list import LIST_BITS, MAX_LIST_NO

# A list counts as full when this many random draws in a row met indices given out before: at about four fifths full.
_DRAWS = 16
# `needed_until` moves ahead by this much more than needed, so that minting rarely waits for the list's row.
_STEP = timedelta(hours=6)

_TAKE = text(
    "INSERT INTO status_entries (status_index) SELECT unnest(CAST(:drawn AS bigint[])) "
    "ON CONFLICT DO NOTHING RETURNING status_index"
)
_CURRENT = text("SELECT list_no, needed_until FROM status_lists ORDER BY list_no DESC LIMIT 1")


class StatusIndicesExhausted(Exception):
    """All 2^32 indices of the format are used up: a new status list profile is due."""


class SqlStatusRegister:
    """Port `StatusRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def allocate(self, count: int, *, expires_at: datetime, entropy: Entropy) -> Sequence[int]:
        list_no = self._current(expires_at)
        taken: list[int] = []
        draws = 0
        while len(taken) < count:
            if draws == _DRAWS:
                list_no, draws = self._open(list_no + 1, expires_at), 0
            drawn = {
                list_no * LIST_BITS + int.from_bytes(entropy(4), "big") % LIST_BITS for _ in range(count - len(taken))
            }
            # A conflict with an uncommitted draw waits for its transaction: short, and one in a hundred thousand.
            # Ascending order: two such batches cannot wait for each other.
            taken += self._session.execute(_TAKE, {"drawn": sorted(drawn)}).scalars().all()
            draws += 1
        return taken

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
        return found or [self._current(at)]

    def _current(self, expires_at: datetime) -> int:
        """The newest list, good for passes until `expires_at`."""
        row = self._session.execute(_CURRENT).one_or_none()
        if row is None:
            return self._open(0, expires_at)
        if row.needed_until < expires_at:
            ahead = update(STATUS_LISTS).where(STATUS_LISTS.c.list_no == row.list_no)
            self._session.execute(
                ahead.where(STATUS_LISTS.c.needed_until < expires_at).values(needed_until=expires_at + _STEP)
            )
        return int(row.list_no)

    def _open(self, list_no: int, expires_at: datetime) -> int:
        if list_no > MAX_LIST_NO:
            raise StatusIndicesExhausted
        fresh = insert_once(STATUS_LISTS).values(list_no=list_no, needed_until=expires_at + _STEP)
        self._session.execute(fresh.on_conflict_do_nothing())
        return list_no
