"""The consent ledger. Its two locks are what makes a withdrawal win: see `lock_for_change` and `lock_standing`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, tuple_, update
from sqlmodel import Session

from broker.core.consent import ConsentRecord, ConsentStatus, NoticeReference, Use, UseLimit
from broker.stores.consent_tables import CONSENT_ANSWERS, CONSENT_USES
from broker.stores.tables import CONSENTS

_STANDING = (ConsentStatus.ACTIVE.value, ConsentStatus.PAUSED.value)

# A statement of its own after the lock: at READ COMMITTED it sees every use that the lock's former holders counted.
_COUNTED = text(
    "SELECT limited.consent_id, count(used.used_at) AS number "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[])) AS limited (consent_id, since) "
    "JOIN consent_uses AS used ON used.consent_id = limited.consent_id AND used.used_at > limited.since "
    "GROUP BY limited.consent_id"
)
_NO_LONGER_COUNTED = text(
    "DELETE FROM consent_uses USING consents WHERE consents.consent_id = consent_uses.consent_id "
    "AND (consents.status NOT IN ('active', 'paused') "
    "OR consent_uses.used_at <= CAST(:at AS timestamptz) - make_interval(secs => consents.frequency_per))"
)
# Before every moment that a clock of ours can show.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


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
        return None if row is None else consent_of(row)

    def add(self, record: ConsentRecord, receipt: str) -> None:
        self._session.execute(insert(CONSENTS).values(_row(record, receipt)))

    def receipt(self, consent_id: UUID) -> str:
        query = select(CONSENTS.c.receipt).where(CONSENTS.c.consent_id == consent_id)
        return str(self._session.execute(query).scalar_one())

    def lock_for_change(self, traveller: UUID, consent_id: UUID) -> ConsentRecord | None:
        # FOR UPDATE waits for every release that holds the row FOR SHARE, and keeps new ones waiting until the commit.
        query = select(CONSENTS).where(CONSENTS.c.consent_id == consent_id, CONSENTS.c.traveller_id == traveller)
        row = self._session.execute(query.with_for_update()).one_or_none()
        return None if row is None else consent_of(row)

    def lock_standing(self, traveller: UUID, uses: Sequence[Use]) -> Sequence[ConsentRecord]:
        # FOR SHARE returns the row as it is once the lock is granted (READ COMMITTED re-reads after waiting): a record
        # that was withdrawn while we waited no longer matches. Ascending order: no deadlock between two of these.
        wanted = [(use.purpose, use.recipient) for use in uses]
        query = select(CONSENTS).where(
            CONSENTS.c.traveller_id == traveller,
            tuple_(CONSENTS.c.purpose, CONSENTS.c.recipient).in_(wanted),
            CONSENTS.c.status.in_(_STANDING),
        )
        ordered = query.order_by(CONSENTS.c.consent_id).with_for_update(read=True)
        return [consent_of(row) for row in self._session.execute(ordered)]

    def lock_and_count(self, traveller: UUID, uses: Sequence[Use], at: datetime) -> Sequence[tuple[ConsentRecord, int]]:
        # FOR NO KEY UPDATE: one counting use at a time, so that two cannot both take the last place; a withdrawal waits
        # as for a release that holds the row FOR SHARE.
        wanted = [(use.purpose, use.recipient) for use in uses]
        query = select(CONSENTS).where(
            CONSENTS.c.traveller_id == traveller,
            tuple_(CONSENTS.c.purpose, CONSENTS.c.recipient).in_(wanted),
            CONSENTS.c.status.in_(_STANDING),
        )
        ordered = query.order_by(CONSENTS.c.consent_id).with_for_update(key_share=True)
        records = [consent_of(row) for row in self._session.execute(ordered)]
        limits = {one.consent_id: one.frequency for one in records if one.frequency is not None}
        since = [_EVER if limit.per is None else at - limit.per for limit in limits.values()]
        numbers: dict[UUID, int] = {}
        if limits:
            rows = self._session.execute(_COUNTED, {"ids": list(limits), "since": since})
            numbers = {row.consent_id: int(row.number) for row in rows}
        return [(one, numbers.get(one.consent_id, 0)) for one in records]

    def count_use(self, consent_id: UUID, at: datetime) -> None:
        self._session.execute(insert(CONSENT_USES).values(consent_id=consent_id, used_at=at))

    def used(self, consent_id: UUID) -> int:
        query = select(func.count()).select_from(CONSENT_USES).where(CONSENT_USES.c.consent_id == consent_id)
        return int(self._session.execute(query).scalar_one())

    def carry_uses_over(self, superseded: UUID, to: UUID) -> None:
        # After the record was settled: every use is committed that was counted under a lock on it.
        change = update(CONSENT_USES).where(CONSENT_USES.c.consent_id == superseded)
        self._session.execute(change.values(consent_id=to))

    def versions(self, consent_id: UUID) -> Sequence[UUID]:
        series = select(CONSENTS.c.series).where(CONSENTS.c.consent_id == consent_id).scalar_subquery()
        query = select(CONSENTS.c.consent_id).where(CONSENTS.c.series == series).order_by(CONSENTS.c.version)
        return self._session.execute(query).scalars().all()

    def declined(self, consent_id: UUID) -> frozenset[str]:
        query = select(CONSENTS.c.declined).where(CONSENTS.c.consent_id == consent_id)
        return frozenset(self._session.execute(query).scalar_one())

    def note_declined(self, consent_id: UUID, categories: Collection[str]) -> None:
        everything = sorted(self.declined(consent_id) | set(categories))
        change = update(CONSENTS).where(CONSENTS.c.consent_id == consent_id)
        self._session.execute(change.values(declined=everything))

    def settle(self, consent_id: UUID, status: ConsentStatus, at: datetime) -> None:
        change = update(CONSENTS).where(CONSENTS.c.consent_id == consent_id)
        settled = None if status is ConsentStatus.ACTIVE else at
        self._session.execute(change.values(status=status.value, settled_at=settled))

    def run_out(self, at: datetime, *, limit: int) -> Sequence[ConsentRecord]:
        query = select(CONSENTS).where(CONSENTS.c.valid_until <= at, CONSENTS.c.status.in_(_STANDING))
        ordered = query.order_by(CONSENTS.c.traveller_id, CONSENTS.c.consent_id).limit(limit)
        return [consent_of(row) for row in self._session.execute(ordered)]

    def of(self, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
        query = select(CONSENTS).where(CONSENTS.c.traveller_id == traveller)
        ordered = query.order_by(CONSENTS.c.given_at.desc(), CONSENTS.c.consent_id)
        return [(consent_of(row), row.receipt) for row in self._session.execute(ordered)]

    def forget(self, traveller: UUID) -> None:
        self._session.execute(delete(CONSENTS).where(CONSENTS.c.traveller_id == traveller))


class SqlConsentAnswers:
    """Port `ConsentAnswers`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, handle_hash: bytes, traveller: UUID) -> Mapping[bytes, UUID | None]:
        query = select(CONSENT_ANSWERS.c.release, CONSENT_ANSWERS.c.consent_id).where(
            CONSENT_ANSWERS.c.handle_hash == handle_hash, CONSENT_ANSWERS.c.traveller_id == traveller
        )
        return {bytes(row.release): row.consent_id for row in self._session.execute(query)}

    def add(
        self, handle_hash: bytes, traveller: UUID, release: bytes, *, consent_id: UUID | None, at: datetime
    ) -> None:
        answer = insert(CONSENT_ANSWERS).values(
            handle_hash=handle_hash,
            traveller_id=traveller,
            release=release,
            granted=consent_id is not None,
            consent_id=consent_id,
            answered_at=at,
        )
        self._session.execute(answer)

    def drop_before(self, moment: datetime) -> int:
        old = delete(CONSENT_ANSWERS).where(CONSENT_ANSWERS.c.answered_at < moment)
        dropped = len(self._session.execute(old.returning(CONSENT_ANSWERS.c.release)).all())
        return dropped + int(getattr(self._session.execute(_NO_LONGER_COUNTED, {"at": moment}), "rowcount", 0))

    def forget(self, traveller: UUID) -> None:
        self._session.execute(delete(CONSENT_ANSWERS).where(CONSENT_ANSWERS.c.traveller_id == traveller))


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
        "frequency_times": None if record.frequency is None else record.frequency.times,
        "frequency_per": None if record.frequency is None else _seconds(record.frequency.per),
        "retention": _seconds(record.retention),
        "jurisdiction": record.jurisdiction,
        "version": record.version,
        "series": record.series_id,
        "supersedes": record.supersedes,
        "digest": record.digest,
    }


def consent_of(row: Any) -> ConsentRecord:
    """From a row of `consents`; the receipt is not read."""
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
        frequency=None if row.frequency_times is None else UseLimit(row.frequency_times, _length(row.frequency_per)),
        retention=_length(row.retention),
        jurisdiction=row.jurisdiction,
        version=row.version,
        series=row.series,
        supersedes=row.supersedes,
        digest=None if row.digest is None else bytes(row.digest),
    )


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def _length(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
