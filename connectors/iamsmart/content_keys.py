"""The content key as a service holds it: fetched when needed, kept until it ends, renewed when the provider says so,
by one thread for all that wait.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from broker.wire.identity_connector import ConnectorError

WAIT: Final = 15.0
"""Seconds a thread waits for the one that fetches: longer than an exchange may take."""
PATIENCE: Final = timedelta(seconds=5)
"""At least this long between fetches that a callback, hence anybody at all, brings about."""


@dataclass(frozen=True)
class ContentKey:
    """`ends`: when to stop using it, by our clock."""

    key: bytes = field(repr=False)
    ends: datetime


class ContentKeys:
    """`fetch(at)` asks the provider and raises ConnectorError. Safe under threads."""

    def __init__(self, fetch: Callable[[datetime], ContentKey]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._known: tuple[ContentKey, ...] = ()  # newest first: the current one and the one before it
        self._flight: Future[ContentKey] | None = None
        self._unasked: datetime | None = None

    def current(self, at: datetime) -> ContentKey:
        """The key to use. Raises ConnectorError when none can be had."""
        return self._get(at, stale=None)

    def renewed(self, stale: ContentKey, at: datetime) -> ContentKey:
        """Another key than `stale`, which the provider no longer takes; whoever comes first fetches it."""
        return self._get(at, stale=stale)

    def live(self, at: datetime) -> tuple[ContentKey, ...]:
        """Keys a callback may be sealed with, newest first."""
        with self._lock:
            return tuple(key for key in self._known if key.ends > at)

    def ask_again(self, at: datetime) -> tuple[ContentKey, ...]:
        """`live` after asking the provider anew, at most once in PATIENCE. Raises ConnectorError."""
        with self._lock:
            due = self._unasked is None or not timedelta(0) <= at - self._unasked < PATIENCE
            if due:
                self._unasked = at
            newest = self._known[0] if self._known else None
        if due and newest is not None:
            self.renewed(newest, at)
        elif due:
            self.current(at)
        return self.live(at)

    def _get(self, at: datetime, *, stale: ContentKey | None) -> ContentKey:
        with self._lock:
            newest = self._known[0] if self._known else None
            if newest is not None and newest.ends > at and (stale is None or newest.key != stale.key):
                return newest
            flight, first = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        if not first:
            return _landed(flight)
        try:
            fetched = self._fetch(at)
        except BaseException as error:
            self._land()
            flight.set_exception(error)
            raise
        self._land(fetched)
        flight.set_result(fetched)
        return fetched

    def _land(self, fetched: ContentKey | None = None) -> None:
        with self._lock:
            self._flight = None
            if fetched is not None:
                self._known = (fetched, *(key for key in self._known[:1] if key.key != fetched.key))


def _landed(flight: Future[ContentKey]) -> ContentKey:
    try:
        return flight.result(WAIT)
    except ConnectorError as error:  # each thread raises one of its own: tracebacks are not shared
        raise ConnectorError(error.provider, error.fault, error.detail, code=error.code) from error
