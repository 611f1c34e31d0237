"""What stands of the governed changes, as one process last saw it, and never longer than that is good for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
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
    """One for a process. Of threads that find it old one asks, and the others wait for what it hears: reading takes no
    lock in the database, so nobody waits for them in turn.
    """

    def __init__(self, *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        self._monotonic = monotonic
        self._seen: _Seen | None = None
        self._asking = Lock()

    def standing(
        self, at: datetime, *, version: Callable[[], int], load: Callable[[datetime], StandingChanges]
    ) -> StandingChanges:
        """`version` asks the database for the number that grows with each change; `load` reads everything that stands
        from a moment on. Neither is called while the last answer is good.
        """
        good = self._good(at)
        if good is not None:
            return good
        with self._asking:
            good = self._good(at)
            if good is not None:
                return good
            asked_at, seen = self._monotonic(), self._seen
            # The number before the content: what is read may be newer than its number says, and is then read again.
            number = version()
            if seen is not None and number == seen.version and at >= seen.since:
                self._seen = _Seen(asked_at, number, seen.since, seen.standing)
                return seen.standing
            since = at - REACHES_BACK
            self._seen = _Seen(asked_at, number, since, load(since))
            return self._seen.standing

    def _good(self, at: datetime) -> StandingChanges | None:
        seen = self._seen
        if seen is None or at < seen.since or self._monotonic() - seen.asked_at >= GOOD_FOR:
            return None
        return seen.standing

    def forget(self) -> None:
        """Ask at the next occasion."""
        self._seen = None
