"""Sealed face templates. Their keys and transform seeds are elsewhere (the key store); here they are opaque bytes."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from broker.core.travel import SealedTemplate
from broker.stores.tables import FACE_TEMPLATES


class SqlTemplateVault:
    """Port `TemplateVault`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def store(self, template: SealedTemplate) -> None:
        values = {
            "template_id": template.template_id,
            "sealed": template.sealed,
            "enrolled_at": template.enrolled_at,
            "capture_digest": template.capture_digest,
        }
        put = insert(FACE_TEMPLATES).values(traveller_id=template.traveller, **values)
        self._session.execute(put.on_conflict_do_update(index_elements=["traveller_id"], set_=values))

    def find(self, traveller: UUID) -> SealedTemplate | None:
        query = select(FACE_TEMPLATES).where(FACE_TEMPLATES.c.traveller_id == traveller)
        row = self._session.execute(query).one_or_none()
        if row is None:
            return None
        digest = None if row.capture_digest is None else bytes(row.capture_digest)
        return SealedTemplate(row.template_id, traveller, bytes(row.sealed), row.enrolled_at, digest)

    def discard(self, traveller: UUID) -> bool:
        gone = delete(FACE_TEMPLATES).where(FACE_TEMPLATES.c.traveller_id == traveller)
        return self._session.execute(gone.returning(FACE_TEMPLATES.c.template_id)).first() is not None
