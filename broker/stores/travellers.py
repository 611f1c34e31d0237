"""Travellers, the identities they log in with, and what is sealed about them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlmodel import Session

from broker.core.denial import UnknownTraveller
from broker.core.traveller import Traveller, VouchedClaims
from broker.stores.linking_tables import HELD_IDENTITIES, IDENTITY_DOCUMENTS, IDENTITY_LINKS, UPSTREAM_TOKENS
from broker.stores.tables import PROFILES, TRAVELLERS


class SqlTravellers:
    """Port `Travellers`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, traveller: Traveller) -> None:
        self._session.execute(
            insert(TRAVELLERS).values(
                traveller_id=traveller.traveller_id,
                provider=traveller.provider,
                jurisdiction=traveller.jurisdiction,
                linked_at=traveller.linked_at,
            )
        )
        self._session.execute(insert(PROFILES).values(traveller_id=traveller.traveller_id))

    def find(self, traveller: UUID) -> Traveller:
        return self._one(traveller, lock=False)

    def lock(self, traveller: UUID) -> Traveller:
        return self._one(traveller, lock=True)

    def keep_claims(self, traveller: UUID, claims: VouchedClaims) -> None:
        self._profile(
            traveller,
            claims=claims.sealed,
            vouched=claims.vouched,
            document=claims.document,
            evidence=claims.evidence,
            auth_time=claims.auth_time,
            acr=claims.acr,
        )

    def document(self, traveller: UUID) -> bytes | None:
        query = select(PROFILES.c.document).where(PROFILES.c.traveller_id == traveller)
        return self._session.execute(query).scalar_one_or_none()

    def vouched(self, traveller: UUID) -> bytes | None:
        query = select(PROFILES.c.vouched).where(PROFILES.c.traveller_id == traveller)
        return self._session.execute(query).scalar_one_or_none()

    def claims(self, traveller: UUID) -> bytes | None:
        query = select(PROFILES.c.claims).where(PROFILES.c.traveller_id == traveller)
        return self._session.execute(query).scalar_one_or_none()

    def keep_portrait(self, traveller: UUID, sealed: bytes, at: datetime) -> None:
        self._profile(traveller, portrait=sealed, portrait_at=at)

    def portrait(self, traveller: UUID) -> bytes | None:
        query = select(PROFILES.c.portrait).where(PROFILES.c.traveller_id == traveller)
        return self._session.execute(query).scalar_one_or_none()

    def discard_portrait(self, traveller: UUID) -> None:
        self._profile(traveller, portrait=None, portrait_at=None)

    def discard_portraits_before(self, moment: datetime) -> int:
        old = update(PROFILES).where(PROFILES.c.portrait_at < moment).values(portrait=None, portrait_at=None)
        return len(self._session.execute(old.returning(PROFILES.c.traveller_id)).all())

    def erase(self, traveller: UUID, *, complete_at: datetime, at: datetime) -> None:
        for table in (UPSTREAM_TOKENS, HELD_IDENTITIES, IDENTITY_DOCUMENTS, IDENTITY_LINKS, PROFILES):
            self._session.execute(delete(table).where(table.c.traveller_id == traveller))
        gone = update(TRAVELLERS).where(TRAVELLERS.c.traveller_id == traveller)
        self._session.execute(gone.values(erased_at=at, complete_at=complete_at))

    def erased_with_key(self) -> Sequence[UUID]:
        query = select(TRAVELLERS.c.traveller_id).where(
            TRAVELLERS.c.erased_at.is_not(None), TRAVELLERS.c.key_destroyed_at.is_(None)
        )
        return self._session.execute(query).scalars().all()

    def confirm_key_destroyed(self, traveller: UUID, at: datetime) -> None:
        gone = update(TRAVELLERS).where(TRAVELLERS.c.traveller_id == traveller, TRAVELLERS.c.key_destroyed_at.is_(None))
        self._session.execute(gone.values(key_destroyed_at=at))

    def _one(self, traveller: UUID, *, lock: bool) -> Traveller:
        columns = (TRAVELLERS.c.provider, TRAVELLERS.c.jurisdiction, TRAVELLERS.c.linked_at)
        query = select(*columns).where(TRAVELLERS.c.traveller_id == traveller, TRAVELLERS.c.erased_at.is_(None))
        row = self._session.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise UnknownTraveller(str(traveller))
        return Traveller(traveller, row.provider, row.jurisdiction, row.linked_at)

    def _profile(self, traveller: UUID, **values: object) -> None:
        self._session.execute(update(PROFILES).where(PROFILES.c.traveller_id == traveller).values(**values))
