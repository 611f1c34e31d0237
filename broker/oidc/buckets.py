"""Token buckets by name: how often somebody may do something that costs us."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic as monotonic_seconds
from typing import Final

MAX_NAMES: Final = 10_000
"""Names remembered; beyond, the one not heard of for longest is forgotten."""


class Buckets:
    """For one process. A bucket holds `per_minute` and fills up in a minute."""

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        self._most = float(per_minute)
        self._rate = per_minute / 60
        self._monotonic = monotonic
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (left, when)

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str) -> float:
        """Take one from the bucket of that name; 0, or the seconds until there is one to take."""
        now = self._monotonic()
        with self._lock:
            left, when = self._buckets.pop(name, (self._most, now))
            left = min(self._most, left + (now - when) * self._rate)
            allowed = left >= 1
            self._buckets[name] = (left - 1 if allowed else left, now)
            if len(self._buckets) > MAX_NAMES:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
