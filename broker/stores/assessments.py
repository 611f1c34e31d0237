"""Impact assessments in PostgreSQL."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import Session

from broker.core.impact_assessment import Assessment, Signature
from broker.stores.paper_tables import ASSESSMENTS


class SqlAssessmentRegister:
    """Port `AssessmentRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, assessment: Assessment) -> bool:
        row = insert(ASSESSMENTS).values(
            assessment_id=assessment.assessment_id,
            exporter=assessment.exporter,
            version=assessment.version,
            configuration=assessment.configuration,
            document=assessment.document.decode(),
            drafted_at=assessment.drafted_at,
            completed=assessment.completed,
        )
        added = row.on_conflict_do_nothing().returning(ASSESSMENTS.c.assessment_id)
        return self._session.execute(added).first() is not None

    def find(self, assessment_id: UUID) -> Assessment | None:
        return self._one(_by_id(assessment_id))

    def lock(self, assessment_id: UUID) -> Assessment | None:
        return self._one(_by_id(assessment_id).with_for_update())

    def complete(self, assessment_id: UUID, document: bytes) -> None:
        row = update(ASSESSMENTS).where(ASSESSMENTS.c.assessment_id == assessment_id, ASSESSMENTS.c.signature.is_(None))
        self._session.execute(row.values(document=document.decode(), completed=True))

    def sign(self, assessment_id: UUID, signature: Signature, *, retain_until: date) -> None:
        row = update(ASSESSMENTS).where(ASSESSMENTS.c.assessment_id == assessment_id, ASSESSMENTS.c.signature.is_(None))
        self._session.execute(
            row.values(
                signed_by=signature.staff_id,
                signing_key=signature.key,
                signature=signature.value,
                signed_at=signature.at,
                retain_until=retain_until,
            )
        )

    def latest_signed(self) -> Sequence[Assessment]:
        query = select(ASSESSMENTS).where(ASSESSMENTS.c.signature.is_not(None))
        latest = query.ext(distinct_on(ASSESSMENTS.c.exporter))
        latest = latest.order_by(ASSESSMENTS.c.exporter, ASSESSMENTS.c.version.desc())
        return [_assessment(row) for row in self._session.execute(latest)]

    def all(self) -> Sequence[Assessment]:
        query = select(ASSESSMENTS).order_by(ASSESSMENTS.c.exporter, ASSESSMENTS.c.version.desc())
        return [_assessment(row) for row in self._session.execute(query)]

    def _one(self, query: Select[Any]) -> Assessment | None:
        row = self._session.execute(query).one_or_none()
        return None if row is None else _assessment(row)


def _by_id(assessment_id: UUID) -> Select[Any]:
    return select(ASSESSMENTS).where(ASSESSMENTS.c.assessment_id == assessment_id)


def _assessment(row: Any) -> Assessment:
    signed = None
    if row.signature is not None:
        signed = Signature(row.signed_by, row.signing_key, row.signature, row.signed_at)
    return Assessment(
        assessment_id=row.assessment_id,
        exporter=row.exporter,
        version=row.version,
        configuration=row.configuration,
        document=row.document.encode(),
        drafted_at=row.drafted_at,
        completed=row.completed,
        signature=signed,
        retain_until=row.retain_until,
    )
