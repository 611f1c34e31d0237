"""Upstream tokens at rest: sealed bytes by (traveller, provider), and the lease of whoever refreshes them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from broker.stores.linking_tables import UPSTREAM_TOKENS

_ROW = UPSTREAM_TOKENS.c


class SqlTokenVault:
    """Port `TokenVault`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, traveller: UUID, provider: str, sealed: bytes, *, expires_at: datetime | None) -> None:
        values = {"sealed": sealed, "expires_at": expires_at, "leased_until": None}
        statement = insert(UPSTREAM_TOKENS).values(traveller_id=traveller, provider=provider, **values)
        self._session.execute(
            statement.on_conflict_do_update(index_elements=[_ROW.traveller_id, _ROW.provider], set_=values)
        )

    def find(self, traveller: UUID, provider: str) -> bytes | None:
        query = select(_ROW.sealed).where(_ROW.traveller_id == traveller, _ROW.provider == provider)
        return self._session.execute(query).scalar_one_or_none()

    def lease(self, traveller: UUID, provider: str, *, until: datetime, at: datetime) -> bool:
        # Of two at once the second waits for the first's commit and then finds the lease taken.
        free = or_(_ROW.leased_until.is_(None), _ROW.leased_until <= at)
        statement = update(UPSTREAM_TOKENS).where(_ROW.traveller_id == traveller, _ROW.provider == provider, free)
        leased = self._session.execute(statement.values(leased_until=until).returning(_ROW.provider))
        return leased.first() is not None

    def destroy(self, traveller: UUID, provider: str) -> None:
        gone = delete(UPSTREAM_TOKENS).where(_ROW.traveller_id == traveller, _ROW.provider == provider)
        self._session.execute(gone)
