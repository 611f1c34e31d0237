"""A circuit breaker: after enough failures in a row nobody waits for a provider any more, until a probe finds it well.

closed --(`threshold` failures in a row)--> open --(`pause` seconds)--> half-open --(probe succeeds)--> closed
                                             ^------------------------(probe fails, pause doubles)
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """`threshold` failures in a row open the circuit; the pause before a probe grows from `pause` to `longest_pause`. A
    probe that has not ended after `probe_limit` is given up for another. Seconds.
    """

    threshold: int = 5
    pause: float = 10.0
    longest_pause: float = 120.0
    probe_limit: float = 30.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """A value: every event makes the next one. `now` is monotonic time in seconds."""

    policy: BreakerPolicy = BreakerPolicy()
    failures: int = 0
    opened_at: float | None = None
    pause: float = 0.0
    probe_at: float | None = None

    def circuit(self, now: float) -> Circuit:
        if self.opened_at is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.opened_at + self.pause else Circuit.HALF_OPEN

    def admit(self, now: float) -> "Breaker | None":
        """The next state when a call may go ahead, None when it may not. Half-open admits one call at a time."""
        circuit = self.circuit(now)
        if circuit is Circuit.CLOSED:
            return self
        probing = self.probe_at is not None and now < self.probe_at + self.policy.probe_limit
        return None if circuit is Circuit.OPEN or probing else replace(self, probe_at=now)

    def succeeded(self, now: float) -> "Breaker":
        # Whoever set out before the circuit opened proves nothing about now.
        return self if self.circuit(now) is Circuit.OPEN else Breaker(self.policy)

    def failed(self, now: float) -> "Breaker":
        if self.opened_at is None:
            failures = self.failures + 1
            opens = failures >= self.policy.threshold
            return replace(self, failures=failures, opened_at=now if opens else None, pause=self.policy.pause)
        if self.circuit(now) is Circuit.OPEN:
            return self
        return replace(self, opened_at=now, pause=min(self.pause * 2, self.policy.longest_pause), probe_at=None)

    def abandoned(self) -> "Breaker":
        """A call ended without telling anything about the provider."""
        return replace(self, probe_at=None)
