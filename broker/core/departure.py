"""One decision on personal data about to leave: what was decided, and about what."""

from dataclasses import dataclass
from typing import Any, Final

from broker.core.governance.codes import Gate
from broker.core.governance.decision import Decision
from broker.core.transfer import Outgoing
from broker.wire.reasons import Reason

STATED: Final = ("transfer", "mechanism", "policy", "score", "band", "origin", "destination")
"""What the journal's entry of a release or a refusal says about its decision, in the clear."""


@dataclass(frozen=True, slots=True)
class Departure:
    """`origin`: the jurisdiction where the person's data reside; `outgoing`: what leaves, and to whom."""

    decision: Decision
    outgoing: Outgoing
    origin: str

    @property
    def gate(self) -> Gate:
        return self.decision.gate

    @property
    def refusal(self) -> Reason | None:
        """None when the data may go; else whether they are held or denied."""
        if self.gate.permits:
            return None
        return Reason.TRANSFER_HELD if self.gate is Gate.HOLD else Reason.TRANSFER_DENIED

    def entry(self) -> dict[str, Any]:
        """The decision, for the clear part of the journal's entry: no personal data."""
        made = self.decision
        parties = (self.origin, self.outgoing.jurisdiction)
        said = (made.gate.value, made.decision.value, made.policy_hash, made.score, made.band.value, *parties)
        return dict(zip(STATED, said, strict=True))
