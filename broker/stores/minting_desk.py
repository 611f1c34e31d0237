"""Minting's reads and writes, one statement each (functions of migration 0005_minting): the flow is bound by the number
of statements, not by what they do.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from broker.core.consent import Use
from broker.core.denial import UnknownTraveller
from broker.core.travel import IssuedPass, SealedTemplate
from broker.flows.ports.minting import OnDesk, StatusSpace
from broker.stores.consent_ledger import consent_of
from broker.stores.driver import run
from broker.stores.json_rows import JsonRows
from broker.stores.pass_register import issued_pass
from broker.stores.tables import CONSENTS, PASSES

_OPEN = "SELECT * FROM open_minting(%s, %s::text[], %s::text[], %s)"
_ENTER = "SELECT enter_passes(%s::jsonb)"
_CONSENTS = JsonRows(CONSENTS)
_PASSES = JsonRows(PASSES)


class SqlMintingDesk:
    """Port `MintingDesk`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, traveller: UUID, uses: Sequence[Use], device_keys: Sequence[bytes]) -> OnDesk:
        asked = (traveller, [use.purpose for use in uses], [use.recipient for use in uses], _hex(device_keys))
        row = run(self._session, _OPEN, asked).one()
        if not row.known:
            raise UnknownTraveller(str(traveller))
        template = None
        if row.template_id is not None:
            digest = None if row.capture_digest is None else bytes(row.capture_digest)
            template = SealedTemplate(row.template_id, traveller, bytes(row.sealed), row.enrolled_at, digest)
        # The receipt is text that nobody reads here, so it stays in the database.
        consents = [consent_of(_CONSENTS.read(held)) for held in row.standing or ()]
        issued = [issued_pass(_PASSES.read(held, revoked_at=datetime.fromisoformat)) for held in row.issued or ()]
        space = None if row.list_no is None else StatusSpace(row.list_no, row.needed_until)
        return OnDesk(consents, template, {one.device_key: one for one in issued}, space)

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
