"""Published trust lists."""

from sqlalchemy import insert, select, text
from sqlmodel import Session

from broker.flows.ports import PublishedTrustList
from broker.stores.tables import TRUST_LISTS

# Publishers take turns, readers do not wait: SHARE ROW EXCLUSIVE conflicts with itself and with writers only.
_ONE_PUBLISHER = text("LOCK TABLE trust_lists IN SHARE ROW EXCLUSIVE MODE")


class SqlTrustListShelf:
    """Port `TrustListShelf`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def latest(self, *, lock: bool = False) -> PublishedTrustList | None:
        if lock:
            self._session.execute(_ONE_PUBLISHER)
        row = self._session.execute(select(TRUST_LISTS).order_by(TRUST_LISTS.c.version.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        return PublishedTrustList(row.version, row.issued_at, row.expires_at, bytes(row.keys_digest), bytes(row.raw))

    def publish(self, published: PublishedTrustList) -> None:
        self._session.execute(
            insert(TRUST_LISTS).values(
                version=published.version,
                issued_at=published.issued_at,
                expires_at=published.expires_at,
                keys_digest=published.keys_digest,
                raw=published.raw,
            )
        )
