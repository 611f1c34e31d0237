"""Crossings waiting for the broker: written with the decision, sent in order, kept until the broker named them.

`Outbox` writes inside its caller's transaction; only `accepted` opens its own.
"""

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from broker.wire.fields import EPOCH, MICROSECOND, microseconds
from broker.wire.gate_api import CrossingEvent, CrossingMode, Decision, Liveness
from broker.wire.reasons import Reason
from gate_client.database import transaction

KEEP_SENT = timedelta(hours=1)
"""How long a delivered crossing stays for the officer's screen."""


class Outbox:
    """The table `outbox`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, event: CrossingEvent, *, opened: bool | None) -> None:
        """Record an event. `opened=None`: the exit was allowed and has not answered yet; it is not sent before."""
        self._connection.execute(
            "INSERT INTO outbox (event_id, event, opened, decided_at) VALUES (?, ?, ?, ?)",
            (event.event_id, _write(event), opened, microseconds(event.decided_at)),
        )

    def confirm(self, event_id: bytes) -> None:
        """The exit opened."""
        self._connection.execute("UPDATE outbox SET opened = 1 WHERE event_id = ?", (event_id,))

    def refer(self, event_id: bytes, reason: Reason) -> None:
        """The exit was allowed to open and is not known to have done so: an officer has to find out."""
        row = self._connection.execute("SELECT event FROM outbox WHERE event_id = ?", (event_id,)).fetchone()
        changed = json.loads(row[0]) | {"decision": Decision.REFERRED, "reasons": [reason]}
        self._connection.execute(
            "UPDATE outbox SET opened = 0, event = ? WHERE event_id = ?", (json.dumps(changed).encode(), event_id)
        )

    def pending(self, most: int = 100) -> tuple[CrossingEvent, ...]:
        """The oldest events not yet delivered, in order."""
        rows = self._connection.execute(
            "SELECT event_id, event, opened, decided_at FROM outbox"
            " WHERE sent_at IS NULL AND opened IS NOT NULL ORDER BY number LIMIT ?",
            (most,),
        )
        return tuple(_read(*row) for row in rows)

    def waiting(self) -> int:
        """How many events the broker has not confirmed."""
        (count,) = self._connection.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()
        return int(count)

    def accepted(self, event_ids: Iterable[bytes], *, at: datetime) -> None:
        """The broker holds these; drop what it confirmed more than an hour ago."""
        now, old = microseconds(at), microseconds(at - KEEP_SENT)
        with transaction(self._connection) as db:
            db.executemany(
                "UPDATE outbox SET sent_at = ? WHERE event_id = ? AND sent_at IS NULL",
                [(now, event_id) for event_id in event_ids],
            )
            db.execute("DELETE FROM outbox WHERE sent_at <= ?", (old,))

    def recent(self, most: int = 50) -> tuple[CrossingEvent, ...]:
        """The newest settled events, newest first, delivered or not."""
        rows = self._connection.execute(
            "SELECT event_id, event, opened, decided_at FROM outbox WHERE opened IS NOT NULL"
            " ORDER BY number DESC LIMIT ?",
            (most,),
        )
        return tuple(_read(*row) for row in rows)


def _write(event: CrossingEvent) -> bytes:
    return json.dumps(
        {
            "pass_id": event.pass_id.hex() if event.pass_id else None,
            "decision": event.decision,
            "reasons": event.reasons,
            "mode": event.mode,
            "liveness": event.liveness,
            "score": event.score,
            "threshold": event.threshold,
            "embedder_set": event.embedder_set,
            "model_hashes": dict(event.model_hashes),
        }
    ).encode()


def _read(event_id: bytes, raw: bytes, opened: int, decided_at: int) -> CrossingEvent:
    entry = json.loads(raw)
    return CrossingEvent(
        event_id=event_id,
        pass_id=bytes.fromhex(entry["pass_id"]) if entry["pass_id"] else None,
        decision=Decision(entry["decision"]),
        reasons=tuple(Reason(reason) for reason in entry["reasons"]),
        mode=CrossingMode(entry["mode"]),
        liveness=Liveness(entry["liveness"]),
        opened=bool(opened),
        decided_at=EPOCH + decided_at * MICROSECOND,
        score=entry["score"],
        threshold=entry["threshold"],
        embedder_set=entry["embedder_set"],
        model_hashes=entry["model_hashes"],
    )
