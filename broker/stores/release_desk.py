"""A release's reads and writes, one statement each (functions of migration 0005_minting)."""

from datetime import datetime

from sqlmodel import Session

from broker.core.travel import IssuedPass
from broker.flows.ports.releasing import Shown
from broker.stores.desk_rows import consent_of_json, pass_of_json, template_of_desk
from broker.stores.driver import run

_OPEN = "SELECT * FROM open_release(%s, %s)"
_ENTER = "SELECT enter_release(%s, %s, %s, %s, %s, %s)"


class SqlReleaseDesk:
    """Port `ReleaseDesk`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, zone: str, pass_id: bytes) -> Shown | None:
        row = run(self._session, _OPEN, (zone, pass_id)).one()
        if row.shown is None:
            return None
        issued = pass_of_json(row.shown)
        consents = [consent_of_json(held) for held in row.resting_on or ()]
        template = None if issued.traveller is None else template_of_desk(row, issued.traveller)
        claims, vouched = (None if sealed is None else bytes(sealed) for sealed in (row.claims, row.vouched))
        return Shown(issued, consents, template, row.origin, claims, vouched)

    def enter(self, issued: IssuedPass, counter: int, *, gate_id: str, until: datetime, at: datetime) -> bool:
        values = (issued.zone, issued.pass_id, counter, gate_id, until, at)
        return bool(run(self._session, _ENTER, values).scalar_one())
