"""Requests of partners to people in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlmodel import Session

from broker.core.approval import FETCH_AGAIN, KEEP, OPEN, RETENTION, ApprovalKind, ApprovalRequest, ApprovalStatus
from broker.stores.partner_tables import PARTNER_IDEMPOTENCY, PARTNER_REQUESTS


class SqlApprovalRegister:
    """Port `ApprovalRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def reserve_key(
        self, client_id: str, key: str, *, fingerprint: bytes, request_id: UUID, until: datetime
    ) -> tuple[bytes, UUID] | None:
        table = PARTNER_IDEMPOTENCY
        fresh = insert_or_leave(table).values(
            client_id=client_id, key=key, fingerprint=fingerprint, request_id=request_id, expires_at=until
        )
        # The insert waits for a concurrent one of the same key to commit.
        if self._session.execute(fresh.on_conflict_do_nothing().returning(table.c.key)).first() is not None:
            return None
        known = select(table).where(table.c.client_id == client_id, table.c.key == key)
        row = self._session.execute(known).one()
        return bytes(row.fingerprint), row.request_id

    def add(self, request: ApprovalRequest) -> None:
        self._session.execute(insert(PARTNER_REQUESTS).values(**_row(request)))

    def find(self, request_id: UUID) -> ApprovalRequest | None:
        return self._one(select(PARTNER_REQUESTS).where(PARTNER_REQUESTS.c.request_id == request_id))

    def lock(self, request_id: UUID) -> ApprovalRequest | None:
        query = select(PARTNER_REQUESTS).where(PARTNER_REQUESTS.c.request_id == request_id)
        return self._one(query.with_for_update())

    def by_state(self, state_hash: bytes) -> ApprovalRequest | None:
        return self._one(select(PARTNER_REQUESTS).where(PARTNER_REQUESTS.c.state_hash == state_hash))

    def keep(self, request: ApprovalRequest) -> None:
        change = update(PARTNER_REQUESTS).where(PARTNER_REQUESTS.c.request_id == request.request_id)
        self._session.execute(change.values(**_row(request)))

    def forget(self, traveller: UUID) -> None:
        self._session.execute(delete(PARTNER_REQUESTS).where(PARTNER_REQUESTS.c.traveller_id == traveller))

    def sweep(self, at: datetime) -> int:
        table = PARTNER_REQUESTS
        bare = {"memory": None, "state_hash": None, "result": None}
        still_open = table.c.status.in_([status.value for status in OPEN])
        expired = update(table).where(still_open, table.c.expires_at <= at)
        stale = or_(table.c.fetched_at <= at - FETCH_AGAIN, table.c.settled_at <= at - RETENTION)
        statements = (
            expired.values(status=ApprovalStatus.EXPIRED.value, settled_at=at, **bare),
            update(table).where(table.c.result.is_not(None), stale).values(**bare),
            delete(table).where(table.c.expires_at <= at - KEEP),
            delete(PARTNER_IDEMPOTENCY).where(PARTNER_IDEMPOTENCY.c.expires_at <= at),
        )
        return sum(int(getattr(self._session.execute(one), "rowcount", 0)) for one in statements)

    def _one(self, query: "Select[Any]") -> ApprovalRequest | None:
        row = self._session.execute(query).one_or_none()
        return None if row is None else _request(row)


def _row(request: ApprovalRequest) -> dict[str, Any]:
    return {
        "request_id": request.request_id,
        "partner_id": request.partner_id,
        "client_id": request.client_id,
        "kind": request.kind.value,
        "purpose": request.purpose,
        "subject": request.subject,
        "asked": dict(request.asked),
        "return_uri": request.return_uri,
        "status": request.status.value,
        "created_at": request.created_at,
        "expires_at": request.expires_at,
        "traveller_id": request.traveller,
        "provider": request.provider,
        "consent_id": request.consent,
        "state_hash": request.state_hash,
        "memory": request.memory,
        "result": request.result,
        "settled_at": request.settled_at,
        "fetched_at": request.fetched_at,
    }


def _request(row: "Row[Any]") -> ApprovalRequest:
    return ApprovalRequest(
        request_id=row.request_id,
        partner_id=row.partner_id,
        client_id=row.client_id,
        kind=ApprovalKind(row.kind),
        asked=row.asked,
        created_at=row.created_at,
        expires_at=row.expires_at,
        subject=row.subject,
        return_uri=row.return_uri,
        status=ApprovalStatus(row.status),
        traveller=row.traveller_id,
        provider=row.provider,
        consent=row.consent_id,
        state_hash=None if row.state_hash is None else bytes(row.state_hash),
        memory=None if row.memory is None else bytes(row.memory),
        result=None if row.result is None else bytes(row.result),
        settled_at=row.settled_at,
        fetched_at=row.fetched_at,
    )
