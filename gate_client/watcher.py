"""Screens that follow a lane."""

from typing import Protocol

from broker.wire.reasons import Reason
from gate_client.core.lane import LaneState
from gate_client.outcome import LaneOutcome


class Watcher(Protocol):
    """Told what a lane does, as it does it. Must not block, must not raise."""

    def phase(self, state: LaneState) -> None: ...
    def hint(self, reason: Reason) -> None: ...
    def decided(self, outcome: LaneOutcome) -> None: ...


class NobodyWatches:
    def phase(self, state: LaneState) -> None:
        """No screen."""

    def hint(self, reason: Reason) -> None:
        """No screen."""

    def decided(self, outcome: LaneOutcome) -> None:
        """No screen."""
