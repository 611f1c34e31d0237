"""JSON lines are hostile input too."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from gate_client.core.lane import Phase
from gate_client.devices.code_reader import ZxingReader
from gate_client.devices.doors import SimulatedDoors
from gate_client.lane import Lane
from gate_client.process_mode import MAX_LINE, BadLine, read_order, run_lines
from gate_client.sync import GateRecords
from tests.support.gate_world import World


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b"null", b"5", b'"qr"', b"{}", b'{"qr": 5}', b'{"qr": ""}', b'{"qr": "a", "face": "b"}',
        b'{"qr": "a", "face": [1]}', b'{"qr": "a", "network": "sideways"}', b'{"qr": "a", "network": ["up"]}',
        b'{"qr": "a", "open": true}', b'{"qr": "a\\u0000b"}', b"[" * 50_000, b"\xff\xfe",
        b'{"qr": ' + b"9" * 5000 + b"}",
        json.dumps({"qr": "a", "face": ["b"] * 11}).encode(), json.dumps({"qr": "a" * 5000}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_order_is_named_as_such(line: bytes) -> None:
    with pytest.raises(BadLine):
        read_order(line)


@given(st.binary(max_size=300))
def test_reading_an_order_is_total(line: bytes) -> None:
    try:
        read_order(line)
    except BadLine as error:
        assert len(str(error)) < 100, "the line is not repeated"


@dataclass
class StillSync:
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


@dataclass
class SmallGate:
    """What run_lines needs of a gate."""

    lane: Lane
    doors: SimulatedDoors
    network: Event
    sync: StillSync
    records: GateRecords
    settled: int
    about: dict[str, object]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "gate.db", reader=ZxingReader()).stock()


def run(world: World, *lines: bytes) -> list[dict[str, Any]]:
    doors = SimulatedDoors()
    records = GateRecords(world.db, world.clock_store, world.trust, world.outbox, world.spending)
    gate = SmallGate(world.lane(doors=doors), doors, Event(), StillSync(), records, 0, {"zone": "HK-SZB"})
    answers = io.StringIO()
    run_lines(gate, io.BytesIO(b"\n".join(lines) + b"\n"), answers)  # type: ignore[arg-type]
    assert gate.lane.state.phase is Phase.IDLE
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def picture(path: Path, text: str) -> str:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    cv2.imwrite(str(path), np.asarray(code.to_image(scale=6)))
    return str(path)


def test_lines_are_answered_in_order_and_bad_ones_cost_nothing(world: World, tmp_path: Path) -> None:
    code = picture(tmp_path / "code.png", world.wallet().text())
    face = picture(tmp_path / "face.png", "a face")
    good = json.dumps({"qr": code, "face": [face], "network": "up"}).encode()
    blank = json.dumps({"qr": face, "face": []}).encode()
    missing = json.dumps({"qr": "/nowhere", "face": []}).encode()
    answers = run(world, b"nonsense", b"x" * (3 * MAX_LINE), good, b"", good, blank, missing)
    assert answers[0]["ready"] is True
    assert ["error" in answer for answer in answers[1:3]] == [True, True]
    assert [(answer["decision"], answer["reasons"]) for answer in answers[3:]] == [
        ("cleared", []),
        ("refused", ["already_spent"]),
        ("refused", ["malformed_qr"]),
        ("referred", ["malformed_image"]),
    ]
    assert answers[3]["opened"] is True and answers[3]["liveness"] == "not_assessed"
    assert {"read_code", "check_pass", "reserve", "release", "spend", "total"} <= answers[3]["timings"].keys()


def test_a_referral_is_seen_to_by_the_simulated_officer(world: World, tmp_path: Path) -> None:
    world.matcher.answers = [0.1, 0.1, 0.1, 0.9]
    lines = []
    for number in range(2):
        code = picture(tmp_path / f"{number}.png", world.wallet().text())
        lines.append(json.dumps({"qr": code, "face": [code] * 3}).encode())
    assert [answer.get("decision") for answer in run(world, *lines)[1:]] == ["referred", "cleared"]
