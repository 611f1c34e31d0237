"""A lane driven by JSON lines: for demonstrations, journeys and benchmarks (specs/gate-lane.md 8).

In:  {"qr": path, "face": [paths], "network": "up" | "down"}   `network` may be left out
Out: one object a line: the outcome, or {"error": text} for a line that is none. The first line says {"ready": true}.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from gate_client.assembly import Gate
from gate_client.core.lane import MAX_TRIES, WITH_AN_OFFICER
from gate_client.devices.frames import load_frame

MAX_LINE = 64 * 1024
MAX_PATH = 4096
MAX_FACES = 10


class BadLine(ValueError):
    """Not an order; the message says why, without repeating the line."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which pictures the cameras see, and whether the line to the broker is up."""

    code: Path
    faces: tuple[Path, ...]
    network_up: bool


def read_order(line: bytes) -> Order:
    """Parse one line; `BadLine` on anything else."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLine("not JSON") from None
    if not isinstance(entry, dict):
        raise BadLine("not an object")
    if unknown := entry.keys() - {"qr", "face", "network"}:
        raise BadLine(f"{len(unknown)} unknown members")
    faces, network = entry.get("face", []), entry.get("network", "up")
    if not isinstance(faces, list) or len(faces) > MAX_FACES:
        raise BadLine(f"face is not a list of at most {MAX_FACES} paths")
    if network not in ("up", "down"):
        raise BadLine("network is neither up nor down")
    return Order(_path(entry.get("qr")), tuple(_path(face) for face in faces), network == "up")


def run_lines(gate: Gate, orders: BinaryIO, answers: TextIO) -> None:
    """Answer every line until the input ends. A bad line is answered and forgotten; it touches no lane."""
    _answer(answers, {"ready": True, "settled": gate.settled, **gate.about})
    for line in _lines(orders):
        if not line.strip():
            continue
        try:
            order = read_order(line)
        except BadLine as error:
            _answer(answers, {"error": str(error)})
            continue
        _answer(answers, run_order(gate, order))


def run_order(gate: Gate, order: Order) -> dict[str, Any]:
    """One traveller. Pictures are loaded before the clock starts, as a camera would have them."""
    if order.network_up:
        gate.network.set()
    else:
        gate.network.clear()
    code = load_frame(order.code)
    faces = [load_frame(face) for face in order.faces[:MAX_TRIES]]
    outcome = gate.lane.present(code, faces)
    gate.sync.wake()
    if gate.lane.state.phase in WITH_AN_OFFICER:
        gate.doors.lead_out()  # the simulated officer
        gate.lane.officer_done()
    return outcome.as_json() | {"outbox": gate.records.outbox.waiting()}


def _path(value: object) -> Path:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PATH or "\0" in value:
        raise BadLine("a path is a short text")
    return Path(value)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of at most 64 KiB; a longer one is read away and stands as one line that parses as nothing."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                continue
            line = b"[]"
        yield line


def _answer(stream: TextIO, entry: dict[str, Any]) -> None:
    stream.write(json.dumps(entry) + "\n")
    stream.flush()
