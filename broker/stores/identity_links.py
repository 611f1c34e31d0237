"""Whose identities are whose, in PostgreSQL. What must hold once is a unique key: an identity, a document, a place at a
provider, a callback.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from broker.core.linking import DocumentDigest, HeldIdentity, HeldReason, IdentityLink
from broker.stores.linking_tables import HELD_IDENTITIES, IDENTITY_DOCUMENTS, IDENTITY_LINKS, PROVIDER_NOTICES

KEEP_NOTICES: Final = timedelta(days=90)
"""How long a provider's callback is remembered, so that a late repetition is recognised as one."""

_LINK = IDENTITY_LINKS.c
_DOCUMENT = IDENTITY_DOCUMENTS.c
_HELD = HELD_IDENTITIES.c


class SqlIdentityLinks:
    """Port `IdentityLinks`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, digest: bytes) -> IdentityLink | None:
        row = self._session.execute(select(IDENTITY_LINKS).where(_LINK.digest == digest)).one_or_none()
        return _link(row) if row is not None else None

    def queue(self, digests: Sequence[bytes]) -> None:
        # In one order for everybody. The digests are keyed hashes, so that eight bytes of them are as good as all.
        for number in sorted({int.from_bytes(digest[:8], "big", signed=True) for digest in digests}):
            self._session.execute(select(func.pg_advisory_xact_lock(number)))

    def of(self, traveller: UUID) -> Sequence[IdentityLink]:
        query = select(IDENTITY_LINKS).where(_LINK.traveller_id == traveller).order_by(_LINK.linked_at, _LINK.digest)
        return [_link(row) for row in self._session.execute(query)]

    def add(self, link: IdentityLink) -> bool:
        values = asdict(link)
        values["traveller_id"] = values.pop("traveller")
        claimed = insert(IDENTITY_LINKS).values(**values).on_conflict_do_nothing().returning(_LINK.digest)
        return self._session.execute(claimed).first() is not None

    def remove(self, digest: bytes) -> None:
        self._session.execute(delete(IDENTITY_LINKS).where(_LINK.digest == digest))

    def logged_in(self, digest: bytes, *, acr: str, at: datetime) -> None:
        self._change(digest, acr=acr, last_login_at=at, withdrawn_at=None)

    def mark_withdrawn(self, digest: bytes, at: datetime) -> None:
        self._change(digest, withdrawn_at=at)

    def known_documents(self, documents: Sequence[DocumentDigest]) -> Sequence[tuple[UUID, DocumentDigest]]:
        query = select(IDENTITY_DOCUMENTS).where(_DOCUMENT.document.in_([known.document for known in documents]))
        rows = self._session.execute(query.order_by(_DOCUMENT.document))
        return [(row.traveller_id, DocumentDigest(bytes(row.document), bytes(row.birth))) for row in rows]

    def documents_of(self, traveller: UUID) -> frozenset[DocumentDigest]:
        query = select(_DOCUMENT.document, _DOCUMENT.birth).where(_DOCUMENT.traveller_id == traveller)
        return frozenset(DocumentDigest(bytes(row.document), bytes(row.birth)) for row in self._session.execute(query))

    def claim_documents(self, traveller: UUID, documents: Sequence[DocumentDigest]) -> bool:
        for known in documents:
            values = {"document": known.document, "birth": known.birth, "traveller_id": traveller}
            # A birth date that the authority corrected replaces the old one, for the same person only.
            statement = insert(IDENTITY_DOCUMENTS).values(**values)
            statement = statement.on_conflict_do_update(
                index_elements=[_DOCUMENT.document],
                set_={"birth": known.birth},
                where=_DOCUMENT.traveller_id == traveller,
            )
            if self._session.execute(statement.returning(_DOCUMENT.document)).first() is None:
                return False
        return True

    def release_documents(self, traveller: UUID) -> None:
        self._session.execute(delete(IDENTITY_DOCUMENTS).where(_DOCUMENT.traveller_id == traveller))

    def hold(self, held: HeldIdentity) -> None:
        values = asdict(held)
        values["traveller_id"] = values.pop("traveller")
        statement = insert(HELD_IDENTITIES).values(**values)
        replaced = statement.on_conflict_do_update(index_elements=[_HELD.digest], set_=values)
        self._session.execute(replaced)

    def held(self, held_id: UUID, *, lock: bool = False) -> HeldIdentity | None:
        query = select(HELD_IDENTITIES).where(_HELD.held_id == held_id)
        row = self._session.execute(query.with_for_update() if lock else query).one_or_none()
        return _held(row) if row is not None else None

    def held_for(self, traveller: UUID | None, at: datetime) -> Sequence[HeldIdentity]:
        query = select(HELD_IDENTITIES).where(_HELD.expires_at > at)
        if traveller is not None:
            query = query.where(_HELD.traveller_id == traveller)
        return [_held(row) for row in self._session.execute(query.order_by(_HELD.created_at.desc(), _HELD.held_id))]

    def let_go(self, held_id: UUID) -> None:
        self._session.execute(delete(HELD_IDENTITIES).where(_HELD.held_id == held_id))

    def sweep(self, at: datetime) -> int:
        over = delete(HELD_IDENTITIES).where(_HELD.expires_at <= at).returning(_HELD.held_id)
        old = delete(PROVIDER_NOTICES).where(PROVIDER_NOTICES.c.received_at <= at - KEEP_NOTICES)
        gone = len(self._session.execute(over).all())
        return gone + len(self._session.execute(old.returning(PROVIDER_NOTICES.c.business_id)).all())

    def first_notice(self, provider: str, business_id: str, kind: str, at: datetime) -> bool:
        values = {"provider": provider, "business_id": business_id, "kind": kind, "received_at": at}
        statement = insert(PROVIDER_NOTICES).values(**values).on_conflict_do_nothing()
        return self._session.execute(statement.returning(PROVIDER_NOTICES.c.business_id)).first() is not None

    def _change(self, digest: bytes, **values: object) -> None:
        self._session.execute(update(IDENTITY_LINKS).where(_LINK.digest == digest).values(**values))


def _link(row: Row[Any]) -> IdentityLink:
    return IdentityLink(
        link_id=row.link_id,
        digest=bytes(row.digest),
        traveller=row.traveller_id,
        provider=row.provider,
        acr=row.acr,
        linked_at=row.linked_at,
        last_login_at=row.last_login_at,
        withdrawn_at=row.withdrawn_at,
    )


def _held(row: Row[Any]) -> HeldIdentity:
    return HeldIdentity(
        held_id=row.held_id,
        digest=bytes(row.digest),
        traveller=row.traveller_id,
        provider=row.provider,
        acr=row.acr,
        reason=HeldReason(row.reason),
        browser=bytes(row.browser),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
