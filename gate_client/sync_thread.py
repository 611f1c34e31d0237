"""Runs the sync beside the lane: lists every minute, crossings as soon as there are any."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event, Thread
from time import monotonic

from gate_client.sync import Sync, SyncReport

log = logging.getLogger("tongguan.gate.sync")

REFRESH_SECONDS = 60.0
"""Well within the lists' ttl of five minutes, so that a revocation arrives soon."""
RETRY_SECONDS = 5.0


class SyncThread:
    """`wake` after every decision. `open_sync` makes the sync in the thread that uses it (SQLite, HTTP pool)."""

    def __init__(self, open_sync: Callable[[], AbstractContextManager[Sync]]) -> None:
        self._open_sync = open_sync
        self._wake = Event()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sync", daemon=True)
        self.last: SyncReport | None = None

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to deliver, or the line is back."""
        self._wake.set()

    def stop(self, *, wait_seconds: float = 5.0) -> None:
        """Finish the current round and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(wait_seconds)

    def _run(self) -> None:
        with self._open_sync() as sync:
            due = monotonic()
            while True:
                whole = monotonic() >= due
                try:
                    self.last = sync.run_once() if whole else sync.deliver()
                    reached = self.last.reached
                except Exception:
                    log.exception("a sync round failed")
                    reached = False
                if whole or not reached:
                    due = monotonic() + (REFRESH_SECONDS if reached else RETRY_SECONDS)
                if self._stop.is_set():
                    return
                self._wake.wait(max(0.0, due - monotonic()))
                self._wake.clear()
