"""The guarantees of core/lane.py, over random events and over doors that take their time."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gate_client.core.lane import Command, Event, Happened, LaneState, Phase, step
from tests.support.gate_world import NOON

SESSIONS = (b"one", b"two")
anything = st.builds(Event, st.sampled_from(Happened), st.none() | st.sampled_from(SESSIONS), st.just(()))
# Doors move in the physical world below; these are the events anybody else can cause, in any order.
from_others = anything.filter(lambda event: event.what not in {Happened.ENTRY_CLOSED, Happened.EXIT_CLOSED})
calm = from_others.filter(lambda event: event.what is not Happened.EMERGENCY)
moves = st.sampled_from(["entry", "exit"])
waits = st.integers(0, 40)


class Doors:
    """A door opens on command and closes some time after it was told to."""

    def __init__(self) -> None:
        self.open = {"entry": False, "exit": False}
        self.closing: set[str] = set()

    def obey(self, commands: tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case Command.OPEN_ENTRY | Command.OPEN_EXIT:
                    door = command.removeprefix("open_")
                    self.open[door] = True
                    self.closing.discard(door)
                case Command.CLOSE_ENTRY | Command.CLOSE_EXIT:
                    self.closing.add(command.removeprefix("close_"))

    def finish(self, door: str) -> Event | None:
        if door not in self.closing:
            return None
        self.closing.discard(door)
        self.open[door] = False
        return Event(Happened.ENTRY_CLOSED if door == "entry" else Happened.EXIT_CLOSED)


def start() -> LaneState:
    state, _ = step(
        LaneState.out_of_service(NOON, entry_open=False, exit_open=False, occupants=0), Event(Happened.STARTED), at=NOON
    )
    return state


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(calm | moves, waits), max_size=60))
def test_the_doors_are_never_both_open(happenings: list[tuple[Event | str, int]]) -> None:
    state, doors, at = start(), Doors(), NOON
    for what, wait in happenings:
        at += timedelta(seconds=wait)
        event = doors.finish(what) if isinstance(what, str) else what
        if event is None:
            continue
        state, commands = step(state, event, at=at)
        doors.obey(commands)
        assert not all(doors.open.values())
        assert doors.open["entry"] <= state.entry_open and doors.open["exit"] <= state.exit_open


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(anything | moves, waits), max_size=60))
def test_the_exit_opens_only_on_a_spend_once_a_session_with_one_person_inside(
    happenings: list[tuple[Event | str, int]],
) -> None:
    state, doors, at = start(), Doors(), NOON
    opened_for: list[LaneState] = []
    for what, wait in happenings:
        at += timedelta(seconds=wait)
        event = doors.finish(what) if isinstance(what, str) else what
        if event is None:
            continue
        before = state
        state, commands = step(state, event, at=at)
        doors.obey(commands)
        if Command.OPEN_EXIT in commands and state.phase is not Phase.EMERGENCY_OPEN:
            assert (event.what, event.session) == (Happened.SPENT, before.session)
            assert before.phase is Phase.MATCHED and before.occupants == 1 and not before.entry_open
            assert all(other.began != before.began or other.session != before.session for other in opened_for)
            opened_for.append(before)
        if Command.OPEN_ENTRY in commands and state.phase is not Phase.EMERGENCY_OPEN:
            assert (event.what, before.phase) == (Happened.CODE_ACCEPTED, Phase.TOKEN_READ) and before.at_rest
        if state.phase is Phase.IDLE:
            assert state.at_rest and state.session is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(anything, waits), max_size=40))
def test_every_event_is_taken_in_every_state(happenings: list[tuple[Event, int]]) -> None:
    state, at = start(), NOON
    for event, wait in happenings:
        at += timedelta(seconds=wait)
        state, _ = step(state, event, at=at)
        assert state.occupants >= 0 and 0 <= state.tries <= 3


def walk(*steps: tuple[Happened, float]) -> tuple[LaneState, list[Command]]:
    """A well-behaved session, event by event, so that the properties above are not true of nothing."""
    state, at, heard = start(), NOON, list[Command]()
    for what, wait in steps:
        at += timedelta(seconds=wait)
        state, commands = step(state, Event(what, SESSIONS[0]), at=at)
        heard += commands
    return state, heard


GOOD = (
    (Happened.CODE_SHOWN, 0), (Happened.CODE_ACCEPTED, 0.1), (Happened.ENTERED, 2), (Happened.ENTRY_CLOSED, 1),
    (Happened.FACE_MATCHED, 0.3), (Happened.SPENT, 0.1), (Happened.LEFT, 2), (Happened.EXIT_CLOSED, 1),
)  # fmt: skip


def test_a_good_walk_opens_entry_then_exit_and_ends_idle() -> None:
    state, heard = walk(*GOOD)
    assert state.phase is Phase.IDLE
    assert heard == [
        Command.OPEN_ENTRY, Command.CLOSE_ENTRY, Command.CAPTURE, Command.SPEND, Command.OPEN_EXIT, Command.CLOSE_EXIT,
    ]  # fmt: skip


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(Happened))
def test_one_foreign_event_in_a_good_walk_never_opens_more(place: int, foreign: Happened) -> None:
    steps = [*GOOD[:place], (foreign, 0.0), *GOOD[place:]]
    _, heard = walk(*steps)
    if foreign is not Happened.EMERGENCY:
        assert heard.count(Command.OPEN_EXIT) <= 1 and heard.count(Command.OPEN_ENTRY) <= 1
