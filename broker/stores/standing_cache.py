"""What stands of the governed changes, as one process last saw it, and never longer than that is good for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic as monotonic_seconds
from typing import Final

from broker.core.standing_changes import StandingChanges

GOOD_FOR: Final = 0.5
"""Seconds. A change binds BINDS_AFTER its second signature: the rest of that second is for its commit."""
REACHES_BACK: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Seen:
    asked_at: float
    version: int
    since: datetime
    standing: StandingChanges


class StandingCache:
    """One for a process. Threads that find it old each ask for themselves; the latest answer stays."""

    def __init__(self, *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        self._monotonic = monotonic
        self._seen: _Seen | None = None

    def standing(
        self, at: datetime, *, version: Callable[[], int], load: Callable[[datetime], StandingChanges]
    ) -> StandingChanges:
        """`version` asks the database for the number that grows with each change; `load` reads everything that stands
        from a moment on. Neither is called while the last answer is good.
        """
        asked_at, seen = self._monotonic(), self._seen
        if seen is not None and asked_at - seen.asked_at < GOOD_FOR and at >= seen.since:
            return seen.standing
        # The number before the content: what is read may be newer than its number says, and is then read once more.
        number = version()
        if seen is not None and number == seen.version and at >= seen.since:
            fresh = _Seen(asked_at, number, seen.since, seen.standing)
        else:
            since = at - REACHES_BACK
            fresh = _Seen(asked_at, number, since, load(since))
        latest = self._seen
        if latest is None or latest.asked_at <= asked_at:
            self._seen = fresh
        return fresh.standing

    def forget(self) -> None:
        """Ask at the next occasion."""
        self._seen = None
