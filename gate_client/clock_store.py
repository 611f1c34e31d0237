"""The clock guard of a gate process, shared by its threads, and kept in the database across restarts."""

import sqlite3
from datetime import datetime
from threading import Lock

from broker.wire.fields import EPOCH, MICROSECOND, microseconds
from gate_client.core.clock_guard import ClockGuard
from gate_client.database import transaction


class ClockStore:
    """`observe` is memory only; the highest time becomes durable with the next transaction that calls `keep`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT highest, floor FROM clock").fetchone()
        highest, floor = (EPOCH + value * MICROSECOND for value in row or (0, 0))
        self._guard = ClockGuard(highest, floor)
        self._lock = Lock()

    @property
    def guard(self) -> ClockGuard:
        return self._guard

    def observe(self, at: datetime) -> None:
        """Raises `VerifyError(CLOCK_DRIFT)` when the clock ran back."""
        with self._lock:
            self._guard = self._guard.observe(at)

    def keep(self, connection: sqlite3.Connection) -> None:
        """Write inside the caller's transaction."""
        guard = self._guard
        connection.execute(
            "INSERT INTO clock VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE"
            " SET highest = excluded.highest, floor = excluded.floor",
            (microseconds(guard.highest), microseconds(guard.floor)),
        )

    def prove(self, issued_at: datetime, connection: sqlite3.Connection) -> None:
        """A verified list was issued then: it is not earlier now."""
        with self._lock:
            self._guard = self._guard.raise_floor(issued_at)
        with transaction(connection):
            self.keep(connection)

    def agree(self, at: datetime, broker_at: datetime, connection: sqlite3.Connection) -> None:
        """The broker told its time: within the alarm, a highest time that a wrong clock once set is forgotten."""
        with self._lock:
            self._guard = self._guard.agree(at, broker_at)
        with transaction(connection):
            self.keep(connection)
