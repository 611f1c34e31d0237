"""Releasing claims: its reads and writes, one statement each (function of migration 0019_hot)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from broker.core.purpose import Recipient
from broker.flows.ports import ClaimQuestion, Entry, OnClaim
from broker.stores.desk_rows import consent_of_json
from broker.stores.driver import run
from broker.stores.journal import APPEND_ENTRIES, encode_entries
from broker.stores.json_rows import JsonRows
from broker.stores.partner_tables import PARTNERS
from broker.stores.partners import partner_of, recipient_of
from broker.wire.keys import Entropy

_OPEN = "SELECT * FROM open_claims_together(%s, %s, %s, %s, %s)"
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

    def open(self, questions: Sequence[ClaimQuestion], at: datetime, *, wait: bool) -> list[OnClaim | None]:
        people = ",".join(str(asked.traveller) for asked in questions)
        partners = ",".join(asked.partner_id for asked in questions)
        purposes = ";".join(",".join(asked.purposes) for asked in questions)
        found = run(self._session, _OPEN, (people, partners, purposes, at, wait)).all()
        recipients: dict[str, Recipient | None] = {}
        desks: list[OnClaim | None] = []
        for asked, row in zip(questions, found, strict=True):
            if asked.partner_id not in recipients:
                recipients[asked.partner_id] = (
                    None if row.partner is None else recipient_of(partner_of(_PARTNERS.read(row.partner)))
                )
            desks.append(None if row.busy else _desk(row, recipients[asked.partner_id]))
        return desks

    def enter(
        self, consents: Sequence[UUID], entries: Sequence[Entry], *, at: datetime, entropy: Entropy
    ) -> Sequence[bytes]:
        leaves, columns = encode_entries(entries, at=at, entropy=entropy)
        run(self._session, _ENTER, (at, ",".join(map(str, consents)), *columns))
        return leaves


def _desk(row: Any, recipient: Recipient | None) -> OnClaim:
    consents = [(consent_of_json(held), int(held["used"])) for held in row.standing or ()]
    claims, vouched = (None if sealed is None else bytes(sealed) for sealed in (row.claims, row.vouched))
    return OnClaim(recipient, consents, row.origin, claims, vouched)
