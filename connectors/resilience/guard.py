"""One provider's breaker, bulkhead and retry budget together, shared by all threads of a process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.resilience.breaker import Breaker, BreakerPolicy, Circuit
from connectors.resilience.budget import RetryBudget
from connectors.resilience.offset import offset_of, tolerated


class NotAdmitted(Exception):
    """The circuit is open or the bulkhead full: the provider was not asked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`places`: how many calls to one provider may run at a time; as many more threads may wait for a place, each for
    `patience` seconds. So one provider holds twice as many threads and no more.
    """

    places: int = 8
    patience: float = 1.0
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


@dataclass(frozen=True, slots=True)
class Health:
    """What is known about a provider without asking it. `offset`: its clock minus ours."""

    circuit: Circuit
    busy: int
    places: int
    offset: timedelta


class Guard:
    """Thread-safe. `now` is monotonic time, by which the breaker goes; waiting for a place is in real time."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._lock = threading.Condition()
        self._waiting = 0
        self._breaker = Breaker(limits.breaker)
        self._budget = RetryBudget()
        self._busy = 0
        self._offset = timedelta()

    @contextmanager
    def place(self, now: Callable[[], float]) -> Iterator[None]:
        """A place for one call. A ConnectorError `unreachable` or `garbled` that leaves it counts against the provider,
        any other exception neither way. Raises NotAdmitted.
        """
        with self._lock:
            self._await_place()
            admitted = self._breaker.admit(now())
            if admitted is None:
                raise NotAdmitted("after failures in a row this provider is not asked for a while")
            self._breaker, self._busy, self._budget = admitted, self._busy + 1, self._budget.called()
        try:
            yield
        except ConnectorError as error:
            with self._lock:
                down = error.fault in (ProviderFault.UNREACHABLE, ProviderFault.GARBLED)
                self._breaker = self._breaker.failed(now()) if down else self._breaker.abandoned()
            raise
        except BaseException:
            with self._lock:
                self._breaker = self._breaker.abandoned()
            raise
        else:
            with self._lock:
                self._breaker = self._breaker.succeeded(now())
        finally:
            with self._lock:
                self._busy -= 1
                self._lock.notify()

    def _await_place(self) -> None:
        """Under the lock: return when there is a place. Raises NotAdmitted."""
        if self._busy < self._limits.places:
            return
        if self._waiting < self._limits.places:
            self._waiting += 1
            try:
                if self._lock.wait_for(lambda: self._busy < self._limits.places, self._limits.patience):
                    return
            finally:
                self._waiting -= 1
        raise NotAdmitted("all places for this provider are taken")

    def may_retry(self) -> bool:
        """Whether one more attempt is within the budget; it is spent by asking."""
        with self._lock:
            left = self._budget.retry()
            self._budget = left or self._budget
            return left is not None

    def saw_date(self, date: str | None, *, at: datetime) -> None:
        """Note the Date of an answer that came at `at`."""
        offset = offset_of(date, at=at)
        if offset is not None:
            with self._lock:
                self._offset = offset

    @property
    def offset(self) -> timedelta:
        """The provider's clock minus ours, as far as it is tolerated."""
        return tolerated(self._offset)

    def health(self, now: float) -> Health:
        with self._lock:
            return Health(self._breaker.circuit(now), self._busy, self._limits.places, self._offset)
