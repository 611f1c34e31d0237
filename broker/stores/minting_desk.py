"""Minting's reads and writes, one statement each (functions of migration 0005_minting): the flow is bound by the number
of statements, not by what they do.
"""

import json
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from broker.core.consent import Use
from broker.core.denial import UnknownTraveller
from broker.core.travel import IssuedPass
from broker.flows.ports.minting import OnDesk, StatusSpace
from broker.stores.desk_rows import consent_of_json, pass_of_json, template_of_desk
from broker.stores.driver import run

_OPEN = "SELECT * FROM open_minting(%s, %s::text[], %s::text[], %s, %s, %s)"
_ENTER = "SELECT enter_passes(%s::jsonb)"


class SqlMintingDesk:
    """Port `MintingDesk`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(
        self, traveller: UUID, uses: Sequence[Use], device_keys: Sequence[bytes], *, epoch: tuple[str, int] | None
    ) -> OnDesk:
        purposes, recipients = [use.purpose for use in uses], [use.recipient for use in uses]
        asked = (traveller, purposes, recipients, _hex(device_keys), *(epoch or (None, None)))
        row = run(self._session, _OPEN, asked).one()
        if not row.known:
            raise UnknownTraveller(str(traveller))
        consents = [consent_of_json(held) for held in row.standing or ()]
        issued = [pass_of_json(held) for held in row.issued or ()]
        space = None if row.list_no is None else StatusSpace(row.list_no, row.needed_until)
        known = {one.device_key: one for one in issued}
        claims, vouched = (None if sealed is None else bytes(sealed) for sealed in (row.claims, row.vouched))
        template = template_of_desk(row, traveller)
        return OnDesk(consents, template, known, space, row.origin, claims, bool(row.epoch_open), vouched)

    def enter(self, passes: Sequence[IssuedPass]) -> Sequence[IssuedPass]:
        taken = run(self._session, _ENTER, (json.dumps([_row(one) for one in passes]),)).scalar_one() or ()
        return [one for one in passes if one.status_index in taken]


def _hex(values: Sequence[bytes]) -> str:
    return ",".join(value.hex() for value in values)


def _row(issued: IssuedPass) -> dict[str, object]:
    return {
        "index": issued.status_index,
        "zone": issued.zone,
        "id": issued.pass_id.hex(),
        "person": str(issued.traveller),
        "consents": [str(consent) for consent in issued.consents],
        "template": str(issued.template_id),
        "mode": issued.mode.value,
        "key": issued.device_key.hex(),
        "epoch": issued.epoch,
        "issued": issued.issued_at.isoformat(),
        "expires": issued.expires_at.isoformat(),
        "bytes": issued.pass_bytes.hex(),
    }
