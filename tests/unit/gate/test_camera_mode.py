"""One camera for code and face."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from broker.wire.gate_api import Decision
from broker.wire.reasons import Reason
from gate_client.camera_mode import CameraLane
from gate_client.core.lane import Phase
from gate_client.devices.code_reader import ZxingReader
from gate_client.devices.doors import SimulatedDoors
from gate_client.devices.frames import BrokenFrame, Image
from gate_client.outcome import LaneOutcome
from tests.support.gate_world import World

EMPTY = np.full((120, 160, 3), 128, np.uint8)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "gate.db", reader=ZxingReader()).stock()


def drawn(text: str) -> Image:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return cv2.cvtColor(np.asarray(code.to_image(scale=4)), cv2.COLOR_GRAY2BGR).astype(np.uint8)


def watch(world: World, frames: list[Image | BrokenFrame]) -> list[tuple[Decision, tuple[Reason, ...]]]:
    doors, decided = SimulatedDoors(), list[LaneOutcome]()
    lane = world.lane(doors=doors)

    def officer() -> bool:
        doors.lead_out()
        return True

    CameraLane(lane, ZxingReader(), world.clock, officer).run(frames, decided.append)
    assert lane.state.phase is not Phase.CAPTURE
    return [(outcome.ruling.decision, outcome.ruling.reasons) for outcome in decided]


def test_code_then_face_opens_and_empty_frames_decide_nothing(world: World) -> None:
    code = drawn(world.wallet().text())
    assert watch(world, [EMPTY, BrokenFrame("dark"), code, EMPTY, EMPTY]) == [(Decision.CLEARED, ())]
    assert len(world.outbox.recent()) == 1


def test_a_denied_code_that_stays_in_the_picture_is_denied_once(world: World) -> None:
    wallet = world.wallet()
    world.clock.step(60)
    code = drawn(wallet.text(world.clock().replace(hour=11)))
    assert watch(world, [code] * 5) == [(Decision.REFUSED, (Reason.PROOF_STALE,))]


def test_another_persons_poster_is_no_session(world: World) -> None:
    assert watch(world, [drawn("https://example.com")] * 3) == []
    assert world.outbox.waiting() == 0


def test_frames_that_end_leave_nobody_inside_unseen(world: World) -> None:
    world.matcher.answers = [Reason.NO_FACE]
    code = drawn(world.wallet().text())
    assert watch(world, [code, EMPTY, EMPTY]) == [(Decision.REFERRED, (Reason.NO_FACE,))]


def test_an_officer_ends_an_emergency(world: World) -> None:
    doors = SimulatedDoors()
    lane = world.lane(doors=doors)
    camera = CameraLane(lane, ZxingReader(), world.clock, lambda: doors.occupants == 0)
    doors.press_emergency()
    camera.see(EMPTY)
    assert lane.state.phase is Phase.EMERGENCY_OPEN
    doors.end_emergency()
    camera.see(EMPTY)
    camera.see(EMPTY)
    assert lane.state.phase is Phase.IDLE


def test_an_officer_is_heard_while_the_camera_shows_nothing(world: World) -> None:
    doors = SimulatedDoors()
    lane = world.lane(doors=doors)
    camera = CameraLane(lane, ZxingReader(), world.clock, lambda: True)
    camera.see(drawn(world.wallet().text()))
    lane.give_up()
    assert lane.state.phase is Phase.REFERRED
    doors.lead_out()
    camera.see(BrokenFrame("no new picture"))
    assert lane.state.phase is Phase.IDLE
