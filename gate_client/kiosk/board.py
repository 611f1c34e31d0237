"""What the screens show, kept thread-safe between the lane and the browsers."""

from collections import deque
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Lock
from typing import Any

from broker.wire.gate_api import Decision
from broker.wire.reasons import Reason
from gate_client.core.lane import LaneState, Phase
from gate_client.outcome import LaneOutcome

MAX_SCREENS = 16
KEEP = 100

# One instruction for each phase, by the keys of messages.json.
_BY_PHASE = {
    Phase.OUT_OF_SERVICE: "closed",
    Phase.IDLE: "show_code",
    Phase.TOKEN_READ: "wait",
    Phase.TOKEN_OK: "walk_in",
    Phase.ENTRY_OPEN: "walk_in",
    Phase.OCCUPIED: "stand_on_mark",
    Phase.CAPTURE: "look_at_camera",
    Phase.MATCHED: "wait",
    Phase.EXIT_OPEN: "walk_out",
    Phase.CLEARED: "walk_out",
    Phase.TAILGATE: "one_person",
    Phase.ABANDONED: "show_code",
    Phase.REFERRED: "officer_comes",
    Phase.EMERGENCY_OPEN: "leave_now",
}

# What a traveller can do about it. Nothing here tells a stranger why somebody was referred.
_BY_REASON = {
    Reason.PROOF_STALE: "fresh_code",
    Reason.ALREADY_RESERVED: "fresh_code",
    Reason.EXPIRED: "new_pass",
    Reason.NOT_YET_VALID: "new_pass",
    Reason.ALREADY_SPENT: "new_pass",
    Reason.WRONG_ZONE: "wrong_place",
    Reason.MALFORMED_QR: "open_wallet",
    Reason.NO_FACE: "look_at_camera",
    Reason.SEVERAL_FACES: "one_person",
    Reason.POOR_QUALITY: "closer",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """One browser that follows the board. A slow one loses updates, never the lane's time."""

    updates: "Queue[dict[str, Any]]"

    def next(self, timeout_seconds: float) -> dict[str, Any] | None:
        """Return the next update, None when none came in time."""
        try:
            return self.updates.get(timeout=timeout_seconds)
        except Empty:
            return None


class Board:
    """A lane's `Watcher`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._screens: list[Screen] = []
        self._now: dict[str, Any] = {"phase": Phase.OUT_OF_SERVICE, "say": "closed"}
        self._decisions: deque[dict[str, Any]] = deque(maxlen=KEEP)

    def phase(self, state: LaneState) -> None:
        if state.phase != self._now["phase"]:
            self._show({"phase": state.phase, "say": _BY_PHASE[state.phase]})

    def hint(self, reason: Reason) -> None:
        if say := _BY_REASON.get(reason):
            self._show({"phase": self._now["phase"], "say": say})

    def decided(self, outcome: LaneOutcome) -> None:
        entry = outcome.as_json()
        entry.pop("evidence")
        with self._lock:
            self._decisions.appendleft(entry)
        match outcome.ruling.decision:
            case Decision.CLEARED:
                say = "walk_out"
            case Decision.REFERRED:
                say = "officer_comes"
            case Decision.REFUSED:
                say = next((_BY_REASON[r] for r in outcome.ruling.reasons if r in _BY_REASON), "manual_lane")
        self._show({"phase": self._now["phase"], "say": say, "decided": True})

    def now(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._now)

    def decisions(self) -> list[dict[str, Any]]:
        """The newest first; no names, no images, no pass ids."""
        with self._lock:
            return list(self._decisions)

    def follow(self) -> Screen | None:
        """A new screen, or None when there are too many."""
        with self._lock:
            if len(self._screens) >= MAX_SCREENS:
                return None
            screen = Screen(Queue(maxsize=32))
            screen.updates.put_nowait(dict(self._now))
            self._screens.append(screen)
            return screen

    def leave(self, screen: Screen) -> None:
        with self._lock:
            self._screens = [other for other in self._screens if other is not screen]

    def _show(self, update: dict[str, Any]) -> None:
        with self._lock:
            self._now = update
            for screen in self._screens:
                try:
                    screen.updates.put_nowait(update)
                except Full:
                    continue
