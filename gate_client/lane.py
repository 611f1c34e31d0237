"""Runs one lane: frames and sensors in, door commands out, every decision recorded before it takes effect."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.wire.errors import DecodeError, VerifyError, WireError
from broker.wire.gate_api import CrossingMode
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason
from gate_client.core.decision import Check, Finding, Ruling, refer
from gate_client.core.lane import ACTIVE, Command, Event, Happened, LaneState, Phase, step
from gate_client.devices.code_reader import CodeReader
from gate_client.devices.doors import Doors
from gate_client.devices.frames import BrokenFrame, Frame
from gate_client.outcome import LaneOutcome
from gate_client.recorder import Recorder
from gate_client.session import Checks, Session
from gate_client.stopwatch import Stopwatch
from gate_client.watcher import NobodyWatches, Watcher

log = logging.getLogger("tongguan.gate")

ID_BYTES = 16
RETAKE_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Hardware:
    """A lane's devices, clock and randomness."""

    reader: CodeReader
    doors: Doors
    clock: Callable[[], datetime]
    entropy: Entropy


class Lane:
    """One lane. Not thread-safe: whoever feeds it frames also ticks it."""

    def __init__(self, hardware: Hardware, checks: Checks, *, watcher: Watcher | None = None) -> None:
        self._hardware = hardware
        self._checks = checks
        self._recorder = Recorder(checks.lane, checks.spending, checks.matcher, hardware.entropy)
        self._watcher: Watcher = watcher or NobodyWatches()
        self._session: Session | None = None
        self._outcome: LaneOutcome | None = None
        self._state = self._out_of_service()

    @property
    def state(self) -> LaneState:
        return self._state

    def start(self) -> int:
        """Settle what a dead process left (returns how much), then enter service if the lane is empty and shut."""
        settled = self._recorder.recover(openings=self._hardware.doors.exit_openings())
        self._state = self._out_of_service()
        self._apply(Event(Happened.STARTED))
        return settled

    def present(self, code_frame: Frame, face_frames: Iterable[Frame]) -> LaneOutcome:
        """Take one traveller from a picture of their code to a decision, with up to three pictures of their face."""
        outcome = self.show(code_frame)
        if outcome is not None:
            return outcome
        for frame in face_frames:
            outcome = self.look(frame)
            if outcome is not None:
                return outcome
        return self.give_up()

    def show(self, frame: Frame) -> LaneOutcome | None:
        """Read a code from a frame and admit its bearer; None when they may walk in, else the denial."""
        session = self._begin()
        if session is None:
            return self._busy()
        with self._fault_closed(session):
            try:
                text = self._read(session, frame)
            except WireError as error:
                session.findings.append(Finding(Check.TRAVEL_PASS, (error.reason,)))
                self._deny(session)
            else:
                self._admit(session, text)
        return self._taken()

    def show_text(self, text: str) -> LaneOutcome | None:
        """As `show`, for a code that a camera loop or a reader device already decoded."""
        session = self._begin()
        if session is None:
            return self._busy()
        with self._fault_closed(session):
            self._admit(session, text)
        return self._taken()

    def look(self, frame: Frame) -> LaneOutcome | None:
        """Compare one face frame, a try of its own. None: try again, or nobody waits for a face; else the decision."""
        return self._look(frame, frozenset(Reason))

    def glance(self, frame: Frame) -> LaneOutcome | None:
        """As `look`, for one of a camera's many frames: only a face that was compared costs a try at once.

        Frames with nothing to compare cost one when the time of a try is over (`tick`), and after a mismatch the
        traveller gets a second to look up.
        """
        if self._state.tries and self._hardware.clock() - self._state.since < RETAKE_PAUSE:
            return None
        return self._look(frame, frozenset({Reason.NOT_SAME_PERSON, Reason.TEMPLATE_UNAVAILABLE}))

    def _look(self, frame: Frame, costing: frozenset[Reason]) -> LaneOutcome | None:
        session = self._session
        if session is None or self._state.phase is not Phase.CAPTURE:
            return None
        with self._fault_closed(session):
            reason = session.look(frame, self._checks)
            self._drain()  # who came in while the models ran; an answer that is overtaken is ignored below
            if reason is None:
                self._apply(Event(Happened.FACE_MATCHED, session.id))
            elif reason in costing:
                session.missed.append(reason)
                self._apply(Event(Happened.FACE_MISSED, session.id, (reason,)))
            else:
                self._watcher.hint(reason)
        return self._taken()

    def give_up(self) -> LaneOutcome:
        """No more frames will come: an officer takes over."""
        session = self._session
        if session is None:
            return self._busy()
        with self._fault_closed(session):
            reasons = tuple(session.missed) or (Reason.NO_FACE,)
            self._apply(Event(Happened.FAULT, reasons=reasons))
        return self._taken() or self._busy()

    def hint(self, reason: Reason) -> None:
        """Something that decides nothing, for the traveller's screen."""
        self._watcher.hint(reason)

    def tick(self) -> LaneOutcome | None:
        """Let time pass: sensors, timeouts. Returns the decision when a timeout made one."""
        with self._fault_closed(self._session):
            self._drain()
            self._apply(Event(Happened.TICK))
        return self._taken()

    def officer_done(self) -> Phase:
        """An officer has dealt with the referral; the lane returns to service once it is empty and shut."""
        with self._fault_closed(self._session):
            self._drain()
            self._apply(Event(Happened.OFFICER_DONE))
        return self._state.phase

    # --- a session, from its code to its record ---------------------------------------------------------------------

    def _begin(self) -> Session | None:
        with self._fault_closed(self._session):
            self._drain()
        if self._session is not None or self._state.phase is not Phase.IDLE:
            return None
        self._outcome = None
        session = self._session = Session(self._hardware.entropy(ID_BYTES), Stopwatch())
        self._apply(Event(Happened.CODE_SHOWN, session.id))
        return session if self._session is session else None

    def _busy(self) -> LaneOutcome:
        """A code shown to a lane that is occupied or out of service: nothing was looked at, nothing is recorded."""
        ruling = refer(Reason.LANE_FAULT, mode=CrossingMode.ONLINE)
        return LaneOutcome(
            self._hardware.entropy(ID_BYTES), ruling, False, 0, {}, self._hardware.clock(), recorded=False
        )

    def _read(self, session: Session, frame: Frame) -> str:
        if isinstance(frame, BrokenFrame):
            raise DecodeError(Reason.MALFORMED_IMAGE, frame.detail)
        self._checks.keeper.keep(session.id, "code", frame)
        with session.watch.stage("read_code"):
            return self._hardware.reader.read(frame)

    def _admit(self, session: Session, text: str) -> None:
        if session.admit(text, self._checks, at=self._hardware.clock()):
            self._deny(session)
        else:
            self._apply(Event(Happened.CODE_ACCEPTED, session.id))

    def _deny(self, session: Session) -> None:
        """Nothing was opened: the session ends here and the lane is free for the next code."""
        ruling = session.rule()
        self._finish(session, ruling, opened=False)
        self._apply(Event(Happened.CODE_DENIED, session.id, ruling.reasons))

    def _spend(self, session: Session) -> None:
        try:
            at = self._hardware.clock()
            session.recheck(self._checks, at=at)
            self._recorder.spend(session, openings_before=self._hardware.doors.exit_openings(), at=at)
        except VerifyError as error:
            log.warning("not spent: %s", error)
            session.findings.append(Finding(Check.RESERVATION, (error.reason,)))
            self._apply(Event(Happened.SPEND_REFUSED, session.id, (error.reason,)))
        else:
            self._drain()  # the last look before the exit opens
            self._apply(Event(Happened.SPENT, session.id))

    def _open_exit(self, session: Session) -> None:
        with session.watch.stage("open_exit"):
            self._hardware.doors.open_exit()
            opened = self._hardware.doors.exit_is_open
        session.watch.spent["total"] = session.watch.elapsed()
        if not opened:
            self._apply(Event(Happened.FAULT))
            return
        self._recorder.settle(session, opened=True)
        self._finish(session, session.rule(), opened=True)

    def _finish(self, session: Session, ruling: Ruling, *, opened: bool) -> LaneOutcome:
        session.watch.spent.setdefault("total", session.watch.elapsed())
        at = self._hardware.clock()
        recorded = True
        if session.spent and not opened:
            recorded = self._recorder.settle(session, opened=False)
        elif not session.spent:
            recorded = self._recorder.close(session, ruling, at=at)
        session.template = None
        kept = self._checks.keeper.kept(session.id)
        outcome = LaneOutcome(session.id, ruling, opened, session.looks, session.watch.spent, at, recorded, kept)
        if self._session is session:
            self._session = None
        self._outcome = outcome
        self._watcher.decided(outcome)
        return outcome

    def _taken(self) -> LaneOutcome | None:
        outcome, self._outcome = self._outcome, None
        return outcome

    @contextmanager
    def _fault_closed(self, session: Session | None) -> Iterator[None]:
        """Whatever goes wrong inside sends the traveller to an officer; the exit is not opened."""
        try:
            yield
        except Exception:
            log.exception("lane fault")
            try:
                self._apply(Event(Happened.FAULT, reasons=(Reason.LANE_FAULT,)))
            except Exception:
                log.exception("the doors do not answer")
            if session is not None and self._session is session:
                self._finish(session, refer(Reason.LANE_FAULT, mode=session.mode, score=session.best), opened=False)

    # --- the state machine and the doors -----------------------------------------------------------------------------

    def _apply(self, event: Event) -> None:
        self._state, commands = step(self._state, event, at=self._hardware.clock())
        self._watcher.phase(self._state)
        for command in commands:
            self._perform(command)
        self._drain()
        self._close_session()

    def _perform(self, command: Command) -> None:
        doors, session = self._hardware.doors, self._session
        match command:
            case Command.OPEN_ENTRY:
                doors.open_entry()
            case Command.CLOSE_ENTRY:
                doors.close_entry()
            case Command.CLOSE_EXIT:
                doors.close_exit()
            case Command.OPEN_EXIT if self._state.phase is Phase.EMERGENCY_OPEN:
                doors.open_exit()
            case Command.OPEN_EXIT if session is not None and session.spent:
                self._open_exit(session)
            case Command.SPEND if session is not None:
                self._spend(session)
            case Command.CALL_OFFICER:
                log.warning("officer called: %s", ", ".join(self._state.reasons) or self._state.phase)

    def _drain(self) -> None:
        for what in self._hardware.doors.sensed():
            self._apply(Event(what))

    def _close_session(self) -> None:
        """A session whose lane went another way (timeout, tailgate, emergency, fault) ends with an officer."""
        session, state = self._session, self._state
        if session is None or state.phase in ACTIVE:
            return
        reasons = (*session.failures(), *state.reasons)
        self._finish(session, refer(*reasons, mode=session.mode, score=session.best), opened=False)

    def _out_of_service(self) -> LaneState:
        doors = self._hardware.doors
        return LaneState.out_of_service(
            self._hardware.clock(),
            entry_open=doors.entry_is_open,
            exit_open=doors.exit_is_open,
            occupants=doors.occupants,
        )
