"""Writes what a lane decided: before an exit opens, and again when the door has answered."""

import logging
from datetime import datetime

from broker.wire.errors import VerifyError
from broker.wire.gate_api import CrossingEvent, CrossingMode, Decision
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason
from gate_client.core.decision import Ruling, refer
from gate_client.matcher import FaceMatcher
from gate_client.outcome import crossing
from gate_client.session import Session
from gate_client.spending import Spending

log = logging.getLogger("tongguan.gate")

EVENT_ID_BYTES = 16


class Recorder:
    """One lane's writer of crossings."""

    def __init__(self, lane: str, spending: Spending, matcher: FaceMatcher, entropy: Entropy) -> None:
        self._lane = lane
        self._spending = spending
        self._matcher = matcher
        self._entropy = entropy

    def spend(self, session: Session, *, openings_before: int | None, at: datetime) -> None:
        """The decision, the spend and the intent to open in one transaction. `VerifyError`: the exit stays shut."""
        ruling = session.rule()
        if ruling.decision is not Decision.CLEARED or session.ticket is None:
            raise VerifyError(Reason.LANE_FAULT, "a match that does not clear")
        event = self._event(session.pass_id, ruling, at)
        with session.watch.stage("spend"):
            self._spending.spend(session.ticket, event, openings_before=openings_before, at=at)
        session.spent = True

    def settle(self, session: Session, *, opened: bool) -> bool:
        """Tell the record what the door did; what cannot be written now is settled from the door's counter at start."""
        try:
            with session.watch.stage("settle"):
                self._spending.settle(session.id, opened=opened)
        except Exception:
            log.exception("the crossing could not be settled; the next start will")
            return False
        return True

    def close(self, session: Session, ruling: Ruling, *, at: datetime) -> bool:
        """Record a session that opened nothing. False when even that fails: it is logged, and nothing opens."""
        try:
            with session.watch.stage("record"):
                self._spending.close(session.id, self._event(session.pass_id, ruling, at))
        except Exception:
            log.exception("a denial could not be recorded")
            return False
        return True

    def recover(self, *, openings: int | None) -> int:
        """Settle what a dead process left in this lane; returns how many sessions that was."""
        return self._spending.recover(self._lane, openings, self._interrupted)

    def _interrupted(self, pass_id: bytes, began_at: datetime) -> CrossingEvent:
        return self._event(pass_id, refer(Reason.LANE_FAULT, mode=CrossingMode.ONLINE), began_at)

    def _event(self, pass_id: bytes | None, ruling: Ruling, at: datetime) -> CrossingEvent:
        return crossing(self._entropy(EVENT_ID_BYTES), pass_id, ruling, self._matcher.model_hashes, at=at)
