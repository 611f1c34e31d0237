"""Whole lanes on one database, driven at random: a pass opens at most once and every opening is on record."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.wire.gate_api import EpochSecret
from broker.wire.reasons import Reason
from broker.wire.travel_pass import PassMode
from gate_client.core.lane import Phase
from gate_client.devices.doors import DoorFault, SimulatedDoors
from gate_client.lane import Lane
from tests.support.gate_world import FRAME, NOON, WalletPass, World, epoch_of_day

SECRET = b"s" * 32
lanes = st.sampled_from(["a", "b"])


class WatchedDoors(SimulatedDoors):
    """Counts in memory that outlives the lane, notices an open pair, and jams when told."""

    def __init__(self, counter: Path) -> None:
        super().__init__(counter)
        self.both_open = False
        self.jammed = False

    def open_exit(self) -> None:
        if self.jammed:
            raise DoorFault("told to")
        super().open_exit()
        self.both_open |= self.entry_is_open and self.exit_is_open

    def open_entry(self) -> None:
        super().open_entry()
        self.both_open |= self.entry_is_open and self.exit_is_open


class Lanes(RuleBasedStateMachine):
    """Two lanes of one gate, three passes."""

    @initialize()
    def build(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.world = World(folder / "gate.db").stock()
        self.world.db.execute("PRAGMA synchronous = OFF")  # nothing here is killed; the fault tests keep it on
        self.world.trust.keep_secrets([EpochSecret(epoch_of_day(NOON), SECRET, NOON.replace(day=23))])
        self.wallets: list[WalletPass] = [self.world.wallet(), self.world.wallet()]
        self.wallets.append(self.world.authority.wallet(mode=PassMode.OFFLINE, secret=SECRET))
        self.world.broker.holds(*self.wallets)
        self.doors = {name: WatchedDoors(folder / f"{name}.count") for name in ("a", "b")}
        self.lanes: dict[str, Lane] = {}
        for name in self.doors:
            self.restart(name)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.db.close()
            self.folder.cleanup()

    @rule(name=lanes, which=st.integers(0, 2))
    def show(self, name: str, which: int) -> None:
        self.lanes[name].show_text(self.wallets[which].text(self.world.clock()))

    @rule(name=lanes, answer=st.sampled_from([0.9, 0.9, 0.2, Reason.NO_FACE, RuntimeError("died")]))
    def look(self, name: str, answer: float | Reason | Exception) -> None:
        self.world.matcher.answers, self.world.matcher.calls = [answer], 0
        self.lanes[name].look(FRAME)

    @rule(name=lanes, which=st.integers(0, 2))
    def cross(self, name: str, which: int) -> None:
        self.show(name, which)
        self.look(name, 0.9)

    @rule(which=st.integers(0, 2), seconds=st.sampled_from([0.0, 16.0]))
    def race(self, which: int, seconds: float) -> None:
        """Two phones with the same pass, or one phone and a photograph of it."""
        self.show("a", which)
        self.world.clock.step(seconds)
        self.show("b", which)
        self.look("b", 0.9)
        self.look("a", 0.9)

    @rule(seconds=st.sampled_from([-7.0, -1.0, 0.5, 5.0, 16.0, 50.0]))
    def wait(self, seconds: float) -> None:
        self.world.clock.step(seconds)

    @rule(name=lanes)
    def tick(self, name: str) -> None:
        self.lanes[name].tick()

    @rule(name=lanes)
    def intrude(self, name: str) -> None:
        self.doors[name].enter()

    @rule(name=lanes)
    def officer(self, name: str) -> None:
        self.doors[name].jammed = False
        if self.lanes[name].state.phase in {Phase.REFERRED, Phase.TAILGATE}:
            self.doors[name].lead_out()
        self.lanes[name].officer_done()

    @rule(name=lanes)
    def jam(self, name: str) -> None:
        self.doors[name].jammed = True

    @rule(reachable=st.booleans())
    def line(self, reachable: bool) -> None:
        self.world.broker.reachable = reachable

    @rule(name=lanes)
    def restart(self, name: str) -> None:
        """The process is gone in the middle of whatever it did; people left the lane by hand."""
        self.doors[name].lead_out()
        self.doors[name].sensed()
        self.lanes[name] = self.world.lane(name, doors=self.doors[name])

    @invariant()
    def never_both_open(self) -> None:
        assert not any(doors.both_open for doors in getattr(self, "doors", {}).values())

    @invariant()
    def every_opening_is_one_spend_and_one_record(self) -> None:
        if not hasattr(self, "lanes") or len(self.lanes) < 2:
            return
        opened = sum(doors.exit_openings() or 0 for doors in self.doors.values())
        spent = [row[0] for row in self.world.db.execute("SELECT pass_id FROM spends")]
        recorded = [event for event in self.world.outbox.recent(10_000) if event.opened]
        assert opened == len(recorded) <= len(spent) == len(set(spent))
        assert len({event.pass_id for event in recorded}) == len(recorded), "a pass opened twice"


Lanes.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLanes = Lanes.TestCase
