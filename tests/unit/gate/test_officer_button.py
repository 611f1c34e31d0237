"""The officer's button resolves the referral it was pressed for, and no other."""

from pathlib import Path

import pytest

from gate_client.core.lane import Phase
from gate_client.devices.doors import SimulatedDoors
from gate_client.kiosk.officer_button import OfficerButton
from gate_client.lane import Lane
from tests.support.gate_world import FRAME, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "gate.db", doors=SimulatedDoors()).stock()
    world.matcher.answers = [0.1]
    return world


def refer(world: World, lane: Lane) -> None:
    assert lane.show_text(world.wallet().text(world.clock())) is None
    for _ in range(3):
        lane.look(FRAME)
    assert lane.state.phase is Phase.REFERRED


def resolve(world: World, lane: Lane) -> None:
    assert isinstance(world.doors, SimulatedDoors)
    world.doors.lead_out()
    assert lane.officer_done() is Phase.IDLE
    world.clock.step(30)


def test_a_press_resolves_the_referral_that_is_on(world: World) -> None:
    lane = world.lane()
    button = OfficerButton(lambda: lane.state)
    refer(world, lane)
    assert not button.take()
    button.press()
    assert button.take()
    assert not button.take(), "one press, one resolution"


def test_a_press_on_an_idle_or_busy_lane_resolves_nothing_later(world: World) -> None:
    lane = world.lane()
    button = OfficerButton(lambda: lane.state)
    button.press()
    refer(world, lane)
    assert not button.take()
    resolve(world, lane)
    assert lane.show_text(world.wallet().text(world.clock())) is None
    button.press()
    lane.give_up()
    assert not button.take()


def test_the_second_of_two_clicks_does_not_resolve_the_next_referral(world: World) -> None:
    lane = world.lane()
    button = OfficerButton(lambda: lane.state)
    refer(world, lane)
    button.press()
    assert button.take()
    button.press()  # before the lane has left the referral
    resolve(world, lane)
    refer(world, lane)
    assert not button.take()


def test_a_press_after_an_emergency_counts(world: World) -> None:
    lane, doors = world.lane(), world.doors
    assert isinstance(doors, SimulatedDoors)
    button = OfficerButton(lambda: lane.state)
    doors.press_emergency()
    lane.tick()
    button.press()
    doors.end_emergency()
    lane.tick()
    assert not button.take()
    button.press()
    assert button.take()
