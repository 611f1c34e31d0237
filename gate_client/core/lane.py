"""What a lane is doing: one frozen state, one total `step` function, commands for the doors as its only output.

Guarantees of this file, for any sequence of events (tests/property/test_gate_lane.py):
  (a) the doors are never both open, an emergency excepted;
  (b) the exit opens only for the session whose pass was spent, once, with exactly one person inside;
  (c) an event nobody expected never opens anything: it is ignored where harmless and sent to an officer where not.

A door counts as open from the command that opens it until its own sensor reports it closed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from broker.wire.reasons import Reason
from gate_client.core.decision import Reasons


class Phase(StrEnum):
    OUT_OF_SERVICE = "out_of_service"
    IDLE = "idle"
    TOKEN_READ = "token_read"  # noqa: S105 - a phase, not a credential
    TOKEN_OK = "token_ok"  # noqa: S105
    ENTRY_OPEN = "entry_open"
    OCCUPIED = "occupied"
    CAPTURE = "capture"
    MATCHED = "matched"
    EXIT_OPEN = "exit_open"
    CLEARED = "cleared"
    TAILGATE = "tailgate"
    ABANDONED = "abandoned"
    REFERRED = "referred"
    EMERGENCY_OPEN = "emergency_open"


class Command(StrEnum):
    """What the runner must do next, in order."""

    OPEN_ENTRY = "open_entry"
    CLOSE_ENTRY = "close_entry"
    OPEN_EXIT = "open_exit"
    CLOSE_EXIT = "close_exit"
    CAPTURE = "capture"
    SPEND = "spend"
    CALL_OFFICER = "call_officer"


class Happened(StrEnum):
    """Events. Those about a traveller carry their session; a late answer for another session is ignored."""

    STARTED = "started"  # self-test done: may enter service if empty and closed
    CODE_SHOWN = "code_shown"
    CODE_ACCEPTED = "code_accepted"
    CODE_DENIED = "code_denied"
    ENTERED = "entered"
    LEFT = "left"
    ENTRY_CLOSED = "entry_closed"
    EXIT_CLOSED = "exit_closed"
    FACE_MATCHED = "face_matched"
    FACE_MISSED = "face_missed"
    SPENT = "spent"
    SPEND_REFUSED = "spend_refused"
    TICK = "tick"
    FAULT = "fault"
    OFFICER_DONE = "officer_done"
    EMERGENCY = "emergency"
    EMERGENCY_OVER = "emergency_over"


@dataclass(frozen=True, slots=True)
class Event:
    what: Happened
    session: bytes | None = None
    reasons: Reasons = ()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """border-figures: token 10 s, entry 8 s, capture 4 s a try, 30 s in all, then an officer."""

    token: timedelta = timedelta(seconds=10)
    entry: timedelta = timedelta(seconds=8)
    capture: timedelta = timedelta(seconds=4)
    exit: timedelta = timedelta(seconds=8)
    whole: timedelta = timedelta(seconds=30)


MAX_TRIES = 3


@dataclass(frozen=True, slots=True)
class LaneState:
    """The lane at one instant. `since`: when this phase began; `began`: when this session did."""

    phase: Phase
    since: datetime
    began: datetime
    session: bytes | None = None
    entry_open: bool = False
    exit_open: bool = False
    occupants: int = 0
    tries: int = 0
    spent: bool = False
    reasons: Reasons = ()

    @classmethod
    def out_of_service(cls, at: datetime, *, entry_open: bool, exit_open: bool, occupants: int) -> "LaneState":
        """Where every start begins, with what the sensors show."""
        return cls(
            Phase.OUT_OF_SERVICE, at, at, entry_open=entry_open, exit_open=exit_open, occupants=max(0, occupants)
        )

    @property
    def at_rest(self) -> bool:
        return not self.entry_open and not self.exit_open and self.occupants == 0


Step = tuple[LaneState, tuple[Command, ...]]

# The phases that belong to one traveller's session, which alone may move through them.
ACTIVE = frozenset(
    {Phase.TOKEN_READ, Phase.TOKEN_OK, Phase.ENTRY_OPEN, Phase.OCCUPIED, Phase.CAPTURE, Phase.MATCHED, Phase.EXIT_OPEN}
)

# The phases that only an officer ends, once the lane is empty and shut.
WITH_AN_OFFICER = frozenset({Phase.REFERRED, Phase.TAILGATE, Phase.OUT_OF_SERVICE})


def step(state: LaneState, event: Event, *, at: datetime, timeouts: Timeouts = Timeouts()) -> Step:
    """The state after `event` and the commands it calls for. Total: any event in any state."""
    match event.what:
        case Happened.EMERGENCY:
            return _enter_emergency(state, at)
        case Happened.EMERGENCY_OVER:
            return _leave_emergency(state, at)
        case Happened.ENTERED | Happened.LEFT | Happened.ENTRY_CLOSED | Happened.EXIT_CLOSED:
            return _sensed(state, event.what, at)
        case Happened.TICK:
            return _tick(state, at, timeouts)
        case Happened.STARTED | Happened.OFFICER_DONE:
            return _resume(state, event.what, at)
        case Happened.FAULT:
            return _refer(state, event.reasons or (Reason.LANE_FAULT,), at)
        case Happened.CODE_SHOWN:
            return _code_shown(state, event, at)
        case _:
            return _traveller(state, event, at)


def _code_shown(state: LaneState, event: Event, at: datetime) -> Step:
    if state.phase is not Phase.IDLE or event.session is None:
        return state, ()  # a code shown to a busy lane does nothing
    if not state.at_rest:
        return _refer(state, (Reason.LANE_FAULT,), at)
    return LaneState(Phase.TOKEN_READ, at, at, session=event.session), ()


def _traveller(state: LaneState, event: Event, at: datetime) -> Step:
    if event.session is None or event.session != state.session or state.phase not in ACTIVE:
        return state, ()  # an answer that comes too late, or for somebody else
    match state.phase, event.what:
        case Phase.TOKEN_READ, Happened.CODE_ACCEPTED:
            # Guarantee (a): a code is read only in a lane at rest, so the exit is closed here.
            return replace(state, phase=Phase.TOKEN_OK, since=at, entry_open=True), (Command.OPEN_ENTRY,)
        case Phase.TOKEN_READ, Happened.CODE_DENIED:
            return _idle(state, at), ()
        case Phase.CAPTURE, Happened.FACE_MATCHED:
            return replace(state, phase=Phase.MATCHED, since=at), (Command.SPEND,)
        case Phase.CAPTURE, Happened.FACE_MISSED:
            return _missed(state, event.reasons or (Reason.NO_FACE,), at)
        case Phase.MATCHED, Happened.SPENT if state.occupants == 1 and not state.entry_open and not state.spent:
            return replace(state, phase=Phase.EXIT_OPEN, since=at, exit_open=True, spent=True), (Command.OPEN_EXIT,)
        case Phase.MATCHED, Happened.SPEND_REFUSED:
            return _refer(state, event.reasons or (Reason.LANE_FAULT,), at)
    return _refer(state, (Reason.LANE_FAULT,), at)


def _missed(state: LaneState, reasons: Reasons, at: datetime) -> Step:
    tried = replace(state, tries=state.tries + 1, since=at, reasons=tuple(dict.fromkeys(state.reasons + reasons)))
    if tried.tries >= MAX_TRIES:
        return _refer(tried, (), at)
    return tried, (Command.CAPTURE,)


def _sensed(state: LaneState, what: Happened, at: datetime) -> Step:
    match what:
        case Happened.ENTERED:
            now = replace(state, occupants=state.occupants + 1)
        case Happened.LEFT:
            now = replace(state, occupants=max(0, state.occupants - 1))
        case Happened.ENTRY_CLOSED:
            now = replace(state, entry_open=False)
        case _:
            now = replace(state, exit_open=False)
    match now.phase, what:
        case ((Phase.TOKEN_OK | Phase.ENTRY_OPEN), Happened.ENTERED) if now.occupants == 1:
            return replace(now, phase=Phase.OCCUPIED, since=at), (Command.CLOSE_ENTRY,)
        case Phase.OCCUPIED, Happened.ENTRY_CLOSED if now.occupants == 1:
            return replace(now, phase=Phase.CAPTURE, since=at), (Command.CAPTURE,)
        case Phase.EXIT_OPEN, Happened.LEFT if now.occupants == 0:
            return replace(now, phase=Phase.CLEARED, since=at), (Command.CLOSE_EXIT,)
        case ((Phase.CLEARED | Phase.ABANDONED), _) if now.at_rest:
            return _idle(now, at), ()
    if what is Happened.ENTERED and now.phase not in {Phase.EMERGENCY_OPEN, Phase.OUT_OF_SERVICE, Phase.REFERRED}:
        # More than one person, or one who came in where nobody was let in.
        return _halt(now, Phase.TAILGATE, (Reason.LANE_FAULT,), at)
    if what is Happened.LEFT and now.phase in ACTIVE:
        # Gone before the exit was opened for them: back out through the entry, or over the door.
        return _halt(now, Phase.ABANDONED, (Reason.LANE_FAULT,), at)
    if what is Happened.ENTRY_CLOSED and now.phase in {Phase.TOKEN_OK, Phase.ENTRY_OPEN}:
        return _halt(now, Phase.ABANDONED, (), at)
    return now, ()


def _tick(state: LaneState, at: datetime, timeouts: Timeouts) -> Step:
    waited = at - state.since
    match state.phase:
        case Phase.TOKEN_READ if waited > timeouts.token:
            return _idle(state, at), ()
        case Phase.TOKEN_OK:
            return replace(
                state, phase=Phase.ENTRY_OPEN
            ), ()  # `since` stays: the entry has been open since the command
        case Phase.ENTRY_OPEN if waited > timeouts.entry:
            return _halt(state, Phase.ABANDONED, (), at)
        case Phase.CAPTURE if at - state.began > timeouts.whole:
            return _refer(state, (Reason.LANE_FAULT,) if not state.reasons else (), at)
        case Phase.CAPTURE if waited > timeouts.capture:
            return _missed(state, (Reason.NO_FACE,), at)
        case Phase.OCCUPIED | Phase.MATCHED if at - state.began > timeouts.whole:
            return _refer(state, (Reason.LANE_FAULT,), at)
        case Phase.EXIT_OPEN if waited > timeouts.exit:
            return _refer(state, (Reason.LANE_FAULT,), at)
        case Phase.CLEARED | Phase.ABANDONED if state.at_rest:
            return _idle(state, at), ()
        case Phase.CLEARED | Phase.ABANDONED if waited > timeouts.exit:
            return _refer(state, (Reason.LANE_FAULT,), at)
    return state, ()


def _resume(state: LaneState, what: Happened, at: datetime) -> Step:
    starting = what is Happened.STARTED and state.phase is Phase.OUT_OF_SERVICE
    resolved = what is Happened.OFFICER_DONE and state.phase in WITH_AN_OFFICER
    if not (starting or resolved):
        return state, ()
    if state.at_rest:
        return _idle(state, at), ()
    return _refer(state, (Reason.LANE_FAULT,), at) if starting else (state, ())


def _idle(state: LaneState, at: datetime) -> LaneState:
    if state.at_rest:
        return LaneState(Phase.IDLE, at, at)
    return replace(state, phase=Phase.REFERRED, since=at, reasons=state.reasons or (Reason.LANE_FAULT,))


def _refer(state: LaneState, reasons: Reasons, at: datetime) -> Step:
    """Stop everything, close what is open, call an officer."""
    if state.phase in {Phase.EMERGENCY_OPEN, Phase.OUT_OF_SERVICE} and state.at_rest:
        return state, ()
    return _halt(state, Phase.REFERRED, reasons, at)


def _halt(state: LaneState, phase: Phase, reasons: Reasons, at: datetime) -> Step:
    if state.phase is Phase.EMERGENCY_OPEN:
        return state, ()  # doors stay open until the emergency is over, whatever else goes wrong
    halted = replace(state, phase=phase, since=at, reasons=tuple(dict.fromkeys(state.reasons + reasons)))
    if phase is Phase.ABANDONED and halted.at_rest:
        return _idle(halted, at), ()
    close = (Command.CLOSE_ENTRY,) * state.entry_open + (Command.CLOSE_EXIT,) * state.exit_open
    return halted, close if phase is Phase.ABANDONED else (*close, Command.CALL_OFFICER)


def _enter_emergency(state: LaneState, at: datetime) -> Step:
    opened = replace(state, phase=Phase.EMERGENCY_OPEN, since=at, entry_open=True, exit_open=True, session=None)
    return opened, (Command.OPEN_ENTRY, Command.OPEN_EXIT, Command.CALL_OFFICER)


def _leave_emergency(state: LaneState, at: datetime) -> Step:
    if state.phase is not Phase.EMERGENCY_OPEN:
        return state, ()
    closing = replace(state, phase=Phase.OUT_OF_SERVICE, since=at, spent=False, tries=0, reasons=())
    return closing, (Command.CLOSE_ENTRY, Command.CLOSE_EXIT)
