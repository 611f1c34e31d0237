"""A clock that is believed only while it moves forward: a step back would revive expired passes and old lists."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from broker.wire.errors import VerifyError
from broker.wire.reasons import Reason

TOLERANCE = timedelta(seconds=5)
"""How far the wall clock may fall behind the highest time seen (NTP corrections, not resets)."""
DRIFT_ALARM = timedelta(seconds=2)
"""How far the wall clock may differ from the broker's before an operator is told."""


@dataclass(frozen=True, slots=True)
class ClockGuard:
    """The highest time this gate ever saw, kept across restarts, and a floor that signed lists prove."""

    highest: datetime
    floor: datetime

    def observe(self, at: datetime) -> "ClockGuard":
        """The guard after seeing `at`. Raises `VerifyError(CLOCK_DRIFT)` when time ran back by more than 5 s."""
        if at < max(self.highest, self.floor) - TOLERANCE:
            raise VerifyError(Reason.CLOCK_DRIFT, f"clock shows {at}, was already {max(self.highest, self.floor)}")
        return self if at <= self.highest else replace(self, highest=at)

    def raise_floor(self, issued_at: datetime) -> "ClockGuard":
        """A list verified under the pinned root was issued at `issued_at`: it cannot be earlier now."""
        return self if issued_at <= self.floor else replace(self, floor=issued_at)

    def agree(self, at: datetime, broker_at: datetime) -> "ClockGuard":
        """Forget a highest time that a wrong clock once set, when the broker confirms `at` within the alarm.

        Never goes below the floor: no answer from the network can undo what a signature proved.
        """
        if drift_alarm(at, broker_at) or at < self.floor - TOLERANCE:
            return self
        return replace(self, highest=at)


def drift_alarm(at: datetime, broker_at: datetime) -> bool:
    """True when gate and broker disagree by more than 2 s."""
    return abs(at - broker_at) > DRIFT_ALARM
