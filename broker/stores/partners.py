"""Partners in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlmodel import Session

from broker.core.partner import Ceilings, Partner, PartnerKind, PartnerStatus
from broker.core.purpose import Recipient
from broker.core.zone import Controller
from broker.stores.partner_tables import PARTNER_GUESSES, PARTNERS


class SqlPartnerRegister:
    """Port `PartnerRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def recipient(self, partner_id: str) -> Recipient | None:
        partner = self.find(partner_id)
        return None if partner is None else recipient_of(partner)

    def find(self, partner_id: str) -> Partner | None:
        return self._one(select(PARTNERS).where(PARTNERS.c.partner_id == partner_id))

    def lock(self, partner_id: str) -> Partner | None:
        return self._one(select(PARTNERS).where(PARTNERS.c.partner_id == partner_id).with_for_update())

    def all(self) -> Sequence[Partner]:
        return [partner_of(row) for row in self._session.execute(select(PARTNERS).order_by(PARTNERS.c.partner_id))]

    def add(self, partner: Partner) -> bool:
        row = insert_or_leave(PARTNERS).values(
            partner_id=partner.partner_id,
            names=dict(partner.names),
            contact=partner.contact,
            jurisdiction=partner.jurisdiction,
            kind=partner.kind.value,
            sandbox=partner.sandbox,
            created_at=partner.created_at,
            jwks_uri=partner.jwks_uri,
            jwks=None if partner.jwks is None else dict(partner.jwks),
            jwks_at=partner.jwks_at,
            webhook_url=partner.webhook_url,
            status=partner.status.value,
            status_at=partner.status_at,
            **_lists(partner.ceilings),
        )
        added = self._session.execute(row.on_conflict_do_nothing().returning(PARTNERS.c.partner_id)).first()
        return added is not None

    def set_status(self, partner_id: str, status: PartnerStatus, at: datetime) -> None:
        self._change(partner_id, status=status.value, status_at=at)

    def set_ceilings(self, partner_id: str, ceilings: Ceilings) -> None:
        self._change(partner_id, **_lists(ceilings))

    def set_keys(
        self, partner_id: str, *, jwks_uri: str | None, jwks: Mapping[str, Any] | None, at: datetime | None
    ) -> None:
        self._change(partner_id, jwks_uri=jwks_uri, jwks=None if jwks is None else dict(jwks), jwks_at=at)

    def set_webhook(self, partner_id: str, url: str | None) -> None:
        self._change(partner_id, webhook_url=url)

    def lock_guesses(self, partner_id: str, traveller: UUID, *, at: datetime, window: timedelta) -> int:
        table = PARTNER_GUESSES
        mine = (table.c.partner_id == partner_id, table.c.traveller_id == traveller)
        fresh = insert_or_leave(table).values(partner_id=partner_id, traveller_id=traveller, since=at, wrong=0)
        self._session.execute(fresh.on_conflict_do_nothing())
        row = self._session.execute(select(table).where(*mine).with_for_update()).one()
        if row.since + window > at:
            return int(row.wrong)
        self._session.execute(update(table).where(*mine).values(since=at, wrong=0))
        return 0

    def add_guesses(self, partner_id: str, traveller: UUID, wrong: int, *, at: datetime) -> None:
        if not wrong:
            return
        table = PARTNER_GUESSES
        change = update(table).where(table.c.partner_id == partner_id, table.c.traveller_id == traveller)
        self._session.execute(change.values(wrong=table.c.wrong + wrong, since=at))

    def _change(self, partner_id: str, **values: Any) -> None:
        self._session.execute(update(PARTNERS).where(PARTNERS.c.partner_id == partner_id).values(**values))

    def _one(self, query: "Select[Any]") -> Partner | None:
        row = self._session.execute(query).one_or_none()
        return None if row is None else partner_of(row)


def _lists(ceilings: Ceilings) -> dict[str, list[str]]:
    return {
        "scopes": sorted(ceilings.scopes),
        "purposes": sorted(ceilings.purposes),
        "claims": sorted(ceilings.claims),
    }


def recipient_of(partner: Partner) -> Recipient | None:
    """The partner as a recipient; None while it is suspended."""
    if not partner.active:
        return None
    controller = Controller(partner.partner_id, partner.kind.value, partner.contact, partner.names)
    return Recipient(partner.partner_id, controller, partner.names, partner.jurisdiction)


def partner_of(row: Any) -> Partner:
    """From a row of `partners`."""
    return Partner(
        partner_id=row.partner_id,
        names=row.names,
        contact=row.contact,
        jurisdiction=row.jurisdiction,
        kind=PartnerKind(row.kind),
        sandbox=row.sandbox,
        ceilings=Ceilings(frozenset(row.scopes), frozenset(row.purposes), frozenset(row.claims)),
        created_at=row.created_at,
        jwks_uri=row.jwks_uri,
        jwks=row.jwks,
        jwks_at=row.jwks_at,
        webhook_url=row.webhook_url,
        status=PartnerStatus(row.status),
        status_at=row.status_at,
    )
