"""Reserve on reading, spend before opening, settle after: the order that keeps one pass to one opening.

`Spending` owns the tables reservations, sessions, spends and openings. Every method is one durable transaction, so a
process that dies between two of them leaves a state that `recover` understands:

  reserved, not spent    the session is referred; the reservation lapses; the traveller may try again
  spent, opening unknown the crossing is settled by the door's own count of openings, never by opening again
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.wire.errors import VerifyError
from broker.wire.fields import EPOCH, MICROSECOND, microseconds
from broker.wire.gate_api import CrossingEvent
from broker.wire.reasons import Reason
from gate_client.clock_store import ClockStore
from gate_client.database import transaction
from gate_client.outbox import Outbox

RESERVATION = timedelta(seconds=45)
"""A reservation outlives the 30 s a session may take; by then the proof itself is stale."""
REMEMBER = timedelta(days=1)
"""How long a spend is kept after its pass expired, by the time that signed lists prove."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One session's hold on one proof."""

    lane: str
    session: bytes
    pass_id: bytes
    expires_at: datetime


class Spending:
    """The replay guard of all lanes that share one database file."""

    def __init__(self, connection: sqlite3.Connection, outbox: Outbox, clock_store: ClockStore) -> None:
        self._connection = connection
        self._outbox = outbox
        self._clock_store = clock_store

    def reserve(self, ticket: Ticket, counter: int, *, at: datetime) -> None:
        """Hold the proof for this session. The same lane may hold it again (a rescan, a retake).

        Raises `VerifyError`: ALREADY_SPENT when the pass was used here, ALREADY_RESERVED while another lane holds it.
        """
        now, lapses = microseconds(at), microseconds(at + RESERVATION)
        with transaction(self._connection) as db:
            if db.execute("SELECT 1 FROM spends WHERE pass_id = ?", (ticket.pass_id,)).fetchone():
                raise VerifyError(Reason.ALREADY_SPENT, "the pass has opened an exit of this gate")
            held = db.execute(
                "INSERT INTO reservations VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (pass_id, counter) DO UPDATE"
                " SET lane = ?3, session = ?4, lapses_at = ?5 WHERE lane = ?3 OR lapses_at <= ?6 RETURNING 1",
                (ticket.pass_id, counter, ticket.lane, ticket.session, lapses, now),
            ).fetchone()
            if held is None:
                raise VerifyError(Reason.ALREADY_RESERVED, "another lane read this proof first")
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?) ON CONFLICT (session) DO NOTHING",
                (ticket.session, ticket.lane, ticket.pass_id, now),
            )
            self._clock_store.keep(db)

    def spend(self, ticket: Ticket, crossing: CrossingEvent, *, openings_before: int | None, at: datetime) -> None:
        """Use the pass up, note the opening to come, record the crossing: one transaction. Only then may the exit open.

        Raises `VerifyError(ALREADY_SPENT)` when another session was faster, (ALREADY_RESERVED) when this session no
        longer holds a reservation of the pass.
        """
        now = microseconds(at)
        with transaction(self._connection) as db:
            held = db.execute(
                "SELECT 1 FROM reservations WHERE pass_id = ? AND session = ? AND lapses_at > ?",
                (ticket.pass_id, ticket.session, now),
            ).fetchone()
            if held is None:
                raise VerifyError(Reason.ALREADY_RESERVED, "the reservation lapsed before the decision")
            try:
                db.execute(
                    "INSERT INTO spends VALUES (?, ?, ?, ?)",
                    (ticket.pass_id, ticket.session, now, microseconds(max(at, ticket.expires_at) + REMEMBER)),
                )
            except sqlite3.IntegrityError:
                raise VerifyError(Reason.ALREADY_SPENT, "the pass was spent by another session") from None
            db.execute(
                "INSERT INTO openings VALUES (?, ?, ?, ?)",
                (ticket.session, ticket.lane, crossing.event_id, openings_before),
            )
            db.execute("DELETE FROM sessions WHERE session = ?", (ticket.session,))
            self._outbox.put(crossing, opened=None)
            self._clock_store.keep(db)

    def settle(self, session: bytes, *, opened: bool) -> None:
        """The door answered. Its crossing may now be sent: as cleared when it opened, to an officer when it did not."""
        with transaction(self._connection) as db:
            row = db.execute("DELETE FROM openings WHERE session = ? RETURNING event_id", (session,)).fetchone()
            if row is not None:
                self._settle(row[0], opened=opened)

    def close(self, session: bytes | None, crossing: CrossingEvent) -> None:
        """The session ended without opening: record why. Its reservation stays until it lapses."""
        with transaction(self._connection) as db:
            if session is not None:
                db.execute("DELETE FROM sessions WHERE session = ?", (session,))
            self._outbox.put(crossing, opened=False)

    def recover(self, lane: str, openings: int | None, interrupted: Callable[[bytes, datetime], CrossingEvent]) -> int:
        """Settle what a dead process left behind in `lane`; returns how many sessions that was. Opens nothing.

        `openings`: how often the exit has opened by the door controller's own count, None when it keeps none.
        `interrupted(pass_id, began_at)` makes the crossing that reports a cut-off session to an officer.
        """
        with transaction(self._connection) as db:
            allowed = db.execute(
                "DELETE FROM openings WHERE lane = ? RETURNING event_id, openings_before", (lane,)
            ).fetchall()
            for event_id, before in allowed:
                # Without a counter nobody knows whether the command reached the door: an officer has to find out.
                self._settle(event_id, opened=openings is not None and before is not None and openings > before)
            cut_off = db.execute("DELETE FROM sessions WHERE lane = ? RETURNING pass_id, began_at", (lane,)).fetchall()
            for pass_id, began_at in cut_off:
                self._outbox.put(interrupted(pass_id, EPOCH + began_at * MICROSECOND), opened=False)
        return len(allowed) + len(cut_off)

    def _settle(self, event_id: bytes, *, opened: bool) -> None:
        if opened:
            self._outbox.confirm(event_id)
        else:
            self._outbox.refer(event_id, Reason.LANE_FAULT)

    def forget(self, *, at: datetime) -> None:
        """Drop lapsed reservations and spends whose pass expired more than a day before `at`, a time that is proven."""
        now = microseconds(at)
        with transaction(self._connection) as db:
            db.execute("DELETE FROM reservations WHERE lapses_at <= ?", (now,))
            db.execute("DELETE FROM spends WHERE forget_at <= ?", (now,))
