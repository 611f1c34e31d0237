"""Guardians in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, insert, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import Session

from broker.core.guardian import GuardianConsent, Guardianship, GuardianState
from broker.stores.rights_tables import GUARDIAN_CONSENTS, GUARDIANSHIPS
from broker.stores.tables import CONSENTS

_LINK = GUARDIANSHIPS.c
_CONSENT = GUARDIAN_CONSENTS.c
_WARDS = CONSENTS.c
# The guardian read what the ward had agreed to by then: what the ward agrees to later is another consent.
_BESIDE = exists().where(
    _WARDS.traveller_id == _CONSENT.ward_id,
    _WARDS.purpose == _CONSENT.purpose,
    _WARDS.recipient == _CONSENT.recipient,
    _WARDS.status.in_(("active", "paused")),
    _WARDS.given_at <= _CONSENT.given_at,
)


class SqlGuardianRegister:
    """Port `GuardianRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def invite(self, guardianship: Guardianship) -> None:
        self._session.execute(insert(GUARDIANSHIPS).values(**_columns(guardianship)))

    def invitation(self, code_digest: bytes) -> Guardianship | None:
        query = select(GUARDIANSHIPS).where(_LINK.code_digest == code_digest)
        return _one(self._session.execute(query.with_for_update()).one_or_none())

    def keep(self, guardianship: Guardianship) -> None:
        change = update(GUARDIANSHIPS).where(_LINK.guardianship_id == guardianship.guardianship_id)
        self._session.execute(change.values(**_columns(guardianship)))

    def find(self, guardianship_id: UUID, *, lock: bool = False) -> Guardianship | None:
        query = select(GUARDIANSHIPS).where(_LINK.guardianship_id == guardianship_id)
        return _one(self._session.execute(query.with_for_update() if lock else query).one_or_none())

    def of(self, traveller: UUID) -> Sequence[Guardianship]:
        theirs = select(GUARDIANSHIPS).where(
            or_(_LINK.guardian_id == traveller, _LINK.ward_id == traveller), _LINK.state != GuardianState.ENDED.value
        )
        rows = self._session.execute(theirs.order_by(_LINK.invited_at, _LINK.guardianship_id))
        return [_guardianship(row) for row in rows]

    def agree(self, consent: GuardianConsent) -> bool:
        over = update(GUARDIAN_CONSENTS).where(
            _CONSENT.ward_id == consent.ward,
            _CONSENT.purpose == consent.purpose,
            _CONSENT.recipient == consent.recipient,
            _CONSENT.withdrawn_at.is_(None),
            or_(not_(_BESIDE), _CONSENT.valid_until <= consent.given_at),
        )
        self._session.execute(over.values(withdrawn_at=consent.given_at))
        values = asdict(consent)
        values["ward_id"] = values.pop("ward")
        once = insert_once(GUARDIAN_CONSENTS).values(**values).on_conflict_do_nothing()
        return self._session.execute(once.returning(_CONSENT.consent_id)).first() is not None

    def consents(self, ward: UUID) -> Sequence[GuardianConsent]:
        query = select(GUARDIAN_CONSENTS).where(_CONSENT.ward_id == ward, _CONSENT.withdrawn_at.is_(None), _BESIDE)
        return [_consent(row) for row in self._session.execute(query.order_by(_CONSENT.given_at, _CONSENT.consent_id))]

    def withdraw(self, consent_id: UUID, at: datetime) -> None:
        standing = update(GUARDIAN_CONSENTS).where(_CONSENT.consent_id == consent_id, _CONSENT.withdrawn_at.is_(None))
        self._session.execute(standing.values(withdrawn_at=at))

    def stands(self, ward: UUID, purpose: str, recipient: str, at: datetime) -> bool:
        covering = exists().where(
            _CONSENT.ward_id == ward,
            _CONSENT.purpose == purpose,
            _CONSENT.recipient == recipient,
            _CONSENT.withdrawn_at.is_(None),
            _CONSENT.given_at <= at,
            _CONSENT.valid_until > at,
            _BESIDE,
        )
        return bool(self._session.execute(select(covering)).scalar_one())


def _columns(guardianship: Guardianship) -> dict[str, Any]:
    values = asdict(guardianship)
    values["guardian_id"], values["ward_id"] = values.pop("guardian"), values.pop("ward")
    return {**values, "state": guardianship.state.value}


def _one(row: Row[Any] | None) -> Guardianship | None:
    return None if row is None else _guardianship(row)


def _guardianship(row: Row[Any]) -> Guardianship:
    return Guardianship(
        guardianship_id=row.guardianship_id,
        guardian=row.guardian_id,
        ward=row.ward_id,
        code_digest=bytes(row.code_digest),
        state=GuardianState(row.state),
        invited_at=row.invited_at,
        expires_at=row.expires_at,
        confirmed_at=row.confirmed_at,
        ended_at=row.ended_at,
    )


def _consent(row: Row[Any]) -> GuardianConsent:
    return GuardianConsent(
        row.consent_id,
        row.guardianship_id,
        row.ward_id,
        row.purpose,
        row.recipient,
        row.given_at,
        row.valid_until,
        row.withdrawn_at,
    )
