"""The consent ledger. Its two locks are what makes a withdrawal win: see `lock_for_change` and `lock_for_use`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, tuple_, update
from sqlmodel import Session

from broker.core.consent import ConsentRecord, ConsentStatus, NoticeReference, Use
from broker.stores.tables import CONSENTS

_STANDING = (ConsentStatus.ACTIVE.value, ConsentStatus.PAUSED.value)


class SqlConsentLedger:
    """Port `ConsentLedger`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def standing(self, traveller: UUID, purpose: str, recipient: str) -> ConsentRecord | None:
        query = select(CONSENTS).where(
            CONSENTS.c.traveller_id == traveller,
            CONSENTS.c.purpose == purpose,
            CONSENTS.c.recipient == recipient,
            CONSENTS.c.status.in_(_STANDING),
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else _record(row)

    def add(self, record: ConsentRecord, receipt: str) -> None:
        self._session.execute(insert(CONSENTS).values(_row(record, receipt)))

    def receipt(self, consent_id: UUID) -> str:
        query = select(CONSENTS.c.receipt).where(CONSENTS.c.consent_id == consent_id)
        return str(self._session.execute(query).scalar_one())

    def lock_for_change(self, traveller: UUID, consent_id: UUID) -> ConsentRecord | None:
        # FOR UPDATE waits for every release that holds the row FOR SHARE, and keeps new ones waiting until the commit.
        query = select(CONSENTS).where(CONSENTS.c.consent_id == consent_id, CONSENTS.c.traveller_id == traveller)
        row = self._session.execute(query.with_for_update()).one_or_none()
        return None if row is None else _record(row)

    def lock_standing(self, traveller: UUID, uses: Sequence[Use]) -> Sequence[ConsentRecord]:
        # A record that was withdrawn while we waited no longer matches, and is not returned.
        wanted = [(use.purpose, use.recipient) for use in uses]
        query = select(CONSENTS).where(
            CONSENTS.c.traveller_id == traveller,
            tuple_(CONSENTS.c.purpose, CONSENTS.c.recipient).in_(wanted),
            CONSENTS.c.status.in_(_STANDING),
        )
        ordered = query.order_by(CONSENTS.c.consent_id).with_for_update(read=True)
        return [_record(row) for row in self._session.execute(ordered)]

    def lock_for_use(self, consents: Sequence[UUID]) -> Sequence[ConsentRecord]:
        # FOR SHARE returns the row as it is once the lock is granted (READ COMMITTED re-reads after waiting), so a
        # withdrawal that committed while we waited is what we see. Ascending order: no deadlock between two of these.
        query = select(CONSENTS).where(CONSENTS.c.consent_id.in_(consents)).order_by(CONSENTS.c.consent_id)
        return [_record(row) for row in self._session.execute(query.with_for_update(read=True))]

    def settle(self, consent_id: UUID, status: ConsentStatus, at: datetime) -> None:
        change = update(CONSENTS).where(CONSENTS.c.consent_id == consent_id)
        self._session.execute(change.values(status=status.value, settled_at=at))

    def run_out(self, at: datetime, *, limit: int) -> Sequence[ConsentRecord]:
        query = select(CONSENTS).where(CONSENTS.c.valid_until <= at, CONSENTS.c.status.in_(_STANDING))
        ordered = query.order_by(CONSENTS.c.traveller_id, CONSENTS.c.consent_id).limit(limit)
        return [_record(row) for row in self._session.execute(ordered)]

    def of(self, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
        query = select(CONSENTS).where(CONSENTS.c.traveller_id == traveller)
        ordered = query.order_by(CONSENTS.c.given_at.desc(), CONSENTS.c.consent_id)
        return [(_record(row), row.receipt) for row in self._session.execute(ordered)]

    def forget(self, traveller: UUID) -> None:
        self._session.execute(delete(CONSENTS).where(CONSENTS.c.traveller_id == traveller))


def _row(record: ConsentRecord, receipt: str) -> dict[str, object]:
    return {
        "consent_id": record.consent_id,
        "traveller_id": record.traveller,
        "purpose": record.purpose,
        "recipient": record.recipient,
        "controller": record.controller,
        "categories": sorted(record.categories),
        "legal_basis": record.legal_basis,
        "exporter_kind": record.exporter_kind,
        "notice_version": record.notice.version,
        "notice_language": record.notice.language,
        "notice_digest": record.notice.digest,
        "given_at": record.given_at,
        "valid_from": record.valid_from,
        "valid_until": record.valid_until,
        "status": record.status.value,
        "settled_at": record.settled_at,
        "receipt": receipt,
    }


def _record(row: Row[Any]) -> ConsentRecord:
    return ConsentRecord(
        consent_id=row.consent_id,
        traveller=row.traveller_id,
        purpose=row.purpose,
        recipient=row.recipient,
        controller=row.controller,
        categories=frozenset(row.categories),
        legal_basis=row.legal_basis,
        exporter_kind=row.exporter_kind,
        notice=NoticeReference(row.notice_version, row.notice_language, bytes(row.notice_digest)),
        given_at=row.given_at,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        status=ConsentStatus(row.status),
        settled_at=row.settled_at,
    )
