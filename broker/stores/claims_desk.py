"""Releasing claims: its reads and writes, one statement each (function of migration 0011_claims)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from broker.flows.ports import Entry, OnClaim
from broker.stores.desk_rows import consent_of_json
from broker.stores.driver import run
from broker.stores.journal import APPEND_ENTRIES, encode_entries
from broker.stores.json_rows import JsonRows
from broker.stores.partner_tables import PARTNERS
from broker.stores.partners import partner_of, recipient_of
from broker.wire.keys import Entropy

_OPEN = "SELECT * FROM open_claims(%s, %s, %s::text[], %s)"
# The uses and the entries about them, in one statement.
_ENTER = (
    "WITH used AS (INSERT INTO consent_uses (consent_id, used_at) "  # noqa: S608  constants of ours
    "SELECT consent, %s FROM unnest(string_to_array(%s, ',')::uuid[]) AS consent), " + APPEND_ENTRIES
)
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

    def enter(
        self, consents: Sequence[UUID], entries: Sequence[Entry], *, at: datetime, entropy: Entropy
    ) -> Sequence[bytes]:
        leaves, columns = encode_entries(entries, at=at, entropy=entropy)
        run(self._session, _ENTER, (at, ",".join(map(str, consents)), *columns))
        return leaves
