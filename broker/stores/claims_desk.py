"""Releasing claims: its reads and writes, one statement each (function of migration 0011_claims)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from broker.flows.ports.claiming import OnClaim
from broker.stores.desk_rows import consent_of_json
from broker.stores.driver import run
from broker.stores.json_rows import JsonRows
from broker.stores.partner_tables import PARTNERS
from broker.stores.partners import partner_of, recipient_of

_OPEN = "SELECT * FROM open_claims(%s, %s, %s::text[], %s)"
_COUNT = "INSERT INTO consent_uses (consent_id, used_at) SELECT consent, %s FROM unnest(%s::uuid[]) AS consent"
_PARTNERS = JsonRows(PARTNERS)


class SqlClaimsDesk:
    """Port `ClaimsDesk`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, traveller: UUID, partner_id: str, purposes: Sequence[str], at: datetime) -> OnClaim:
        row = run(self._session, _OPEN, (traveller, partner_id, list(purposes), at)).one()
        recipient = None if row.partner is None else recipient_of(partner_of(_PARTNERS.read(row.partner)))
        consents = [(consent_of_json(held), int(held["used"])) for held in row.standing or ()]
        claims, vouched = (None if sealed is None else bytes(sealed) for sealed in (row.claims, row.vouched))
        return OnClaim(recipient, consents, row.origin, claims, vouched)

    def count(self, consents: Sequence[UUID], at: datetime) -> None:
        run(self._session, _COUNT, (at, list(consents)))
