"""What a lane tells the outside about one session."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.wire.gate_api import CrossingEvent
from gate_client.core.decision import Ruling


@dataclass(frozen=True, slots=True)
class LaneOutcome:
    """`opened`: the exit is known to have opened. `timings`: ms by stage; `total` ends with the door command."""

    session: bytes
    ruling: Ruling
    opened: bool
    tries: int
    timings: Mapping[str, float]
    decided_at: datetime
    recorded: bool = True
    evidence: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """One flat JSON object; no personal data, no image, no pass id."""
        score = self.ruling.score
        return {
            "session": self.session.hex(),
            "decision": self.ruling.decision.value,
            "reasons": [reason.value for reason in self.ruling.reasons],
            "mode": self.ruling.mode.value,
            "liveness": self.ruling.liveness.value,
            "score": _finite(score.value) if score else None,
            "threshold": _finite(score.threshold) if score else None,
            "embedder_set": score.embedders if score else None,
            "opened": self.opened,
            "tries": self.tries,
            "recorded": self.recorded,
            "decided_at": self.decided_at.isoformat(),
            "timings": {stage: round(spent, 3) for stage, spent in self.timings.items()},
            "evidence": dict(self.evidence),
        }


def crossing(
    event_id: bytes, pass_id: bytes | None, ruling: Ruling, model_hashes: Mapping[str, str], *, at: datetime
) -> CrossingEvent:
    """Return the ruling as the broker's journal takes it; whether the exit opened is settled later."""
    score = ruling.score
    return CrossingEvent(
        event_id=event_id,
        pass_id=pass_id,
        decision=ruling.decision,
        reasons=ruling.reasons,
        mode=ruling.mode,
        liveness=ruling.liveness,
        opened=False,
        decided_at=at,
        score=_finite(score.value) if score else None,
        threshold=_finite(score.threshold) if score else None,
        embedder_set=score.embedders if score else None,
        model_hashes=dict(model_hashes) if score else {},
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
