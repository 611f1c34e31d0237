"""The worker as a process: it enrols, refuses with a reason, and outlives whatever it is sent."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from broker.wire import cbor
from broker.wire.reasons import Reason
from broker.wire.sealed_template import FaceTemplate, TemplatePart, TemplatePayload
from gate_client.core.template import compare
from gate_client.inference.engine import FaceEngine
from gate_client.inference.photograph import decode
from gate_client.inference.worker import MAX_FRAME
from tests.support.photos import ANOTHER_PERSON, CUT_OFF, TENANTS, photo

SEEDS = [bytes([7]) * 16, bytes([9]) * 16]


class Worker:
    def __init__(self, model_dir: Path) -> None:
        command = [sys.executable, "-m", "gate_client.inference.worker", "--models", str(model_dir)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, raw: bytes, length: int | None = None) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(struct.pack(">I", len(raw) if length is None else length) + raw)
        self.process.stdin.flush()
        (size,) = struct.unpack(">I", self.process.stdout.read(4))
        reply = cbor.decode(self.process.stdout.read(size), max_bytes=MAX_FRAME)
        assert isinstance(reply, dict)
        return reply

    def ask(self, **request: Any) -> dict[str, Any]:
        return self.send(cbor.encode(request))

    def enrol(self, capture: bytes, portrait: bytes, seeds: Any = SEEDS) -> dict[str, Any]:
        return self.ask(op="enrol", capture=capture, portrait=portrait, seeds=seeds)

    def close(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(20)


@pytest.fixture(scope="module")
def worker(model_dir: Path) -> Iterator[Worker]:
    running = Worker(model_dir)
    yield running
    assert running.close() == 0


def raw(name: str) -> bytes:
    return photo(name).read_bytes()


def test_it_describes_what_it_runs(worker: Worker, engine: FaceEngine) -> None:
    described = worker.ask(op="describe")
    assert described["ok"] is True
    assert tuple(described["embedders"]) == engine.embedders
    assert described["model_hashes"] == engine.model_hashes
    assert described["thresholds_hash"] == engine.thresholds.hash


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.portrait)
def test_every_tenant_enrols_and_is_recognised_at_a_gate(worker: Worker, engine: FaceEngine, tenant: Any) -> None:
    answer = worker.enrol(raw(tenant.enrolment), raw(tenant.portrait))
    assert answer["ok"] is True
    assert answer["score"] >= answer["threshold"]
    template = FaceTemplate(tuple(TemplatePart(name, vector) for name, vector in answer["parts"]))
    payload = TemplatePayload(bytes(16), template, tuple(SEEDS))
    threshold = engine.thresholds.at(engine.embedder_set)
    assert compare(engine.capture(decode(raw(tenant.gate))).embeddings, payload).fused >= threshold
    assert compare(engine.capture(decode(raw(ANOTHER_PERSON))).embeddings, payload).fused < threshold


def test_seeds_may_be_named_by_embedder(worker: Worker, engine: FaceEngine) -> None:
    tenant = TENANTS[0]
    listed = worker.enrol(raw(tenant.enrolment), raw(tenant.portrait))
    named = worker.enrol(raw(tenant.enrolment), raw(tenant.portrait), dict(zip(engine.embedders, SEEDS, strict=True)))
    assert listed["parts"] == named["parts"]


def test_another_face_does_not_enrol_and_gets_no_template(worker: Worker) -> None:
    answer = worker.enrol(raw(ANOTHER_PERSON), raw(TENANTS[0].portrait))
    assert (answer["ok"], answer["reason"]) == (False, Reason.NOT_SAME_PERSON)
    assert answer["score"] < answer["threshold"]
    assert "parts" not in answer


def test_a_poor_capture_says_why(worker: Worker) -> None:
    answer = worker.enrol(raw(CUT_OFF[0]), raw(TENANTS[0].portrait))
    assert (answer["reason"], answer["image"]) == (Reason.POOR_QUALITY, "capture")
    assert answer["quality"]["failures"] == ["cut_off"]


def test_an_empty_wall_has_no_face(worker: Worker) -> None:
    wall = cv2.imencode(".png", np.full((480, 640, 3), 90, np.uint8))[1].tobytes()
    answer = worker.enrol(wall, raw(TENANTS[0].portrait))
    assert (answer["reason"], answer["image"]) == (Reason.NO_FACE, "capture")


def hostile() -> list[bytes]:
    """Images that must not be decoded, or cannot be."""
    whole = raw("obama.jpg")
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 50_000, 50_000, 8, 2, 0, 0, 0) + bytes(100)
    return [
        b"",
        b"\xff\xd8\xff",
        whole[:5000],
        bomb,
        b"GIF89a" + bytes(100),
        bytes(64),
        b"\xff\xd8\xff\xe0" + b"\xff" * 999,
    ]


@pytest.mark.parametrize("image", hostile(), ids=range(7))
def test_hostile_images_are_refused_by_name(worker: Worker, image: bytes) -> None:
    answer = worker.enrol(image, raw(TENANTS[0].portrait))
    if answer.get("reason") != Reason.NO_FACE:  # a truncated JPEG may still decode to its upper part
        assert answer["reason"] == Reason.MALFORMED_IMAGE


def test_wrong_requests_are_answered_and_the_next_one_works(worker: Worker) -> None:
    good = raw(TENANTS[0].portrait)
    for wrong in (b"", b"\xff", b"\xa0", cbor.encode([1]), cbor.encode({"op": "dance"}), cbor.encode({"op": "enrol"})):
        answer = worker.send(wrong)
        assert answer["ok"] is False
        assert "error" in answer
    for seeds in ([], [b"short", b"short"], SEEDS[:1], {"no-such": bytes(16)}, 5):
        assert worker.enrol(good, good, seeds)["ok"] is False
    assert worker.enrol(5, good)["ok"] is False  # type: ignore[arg-type]
    assert worker.send(bytes(MAX_FRAME + 1)) == {"ok": False, "error": f"a frame has at most {MAX_FRAME} bytes"}
    assert worker.ask(op="describe")["ok"] is True


def test_it_ends_quietly_when_the_input_ends_inside_a_frame(model_dir: Path) -> None:
    ending = Worker(model_dir)
    assert ending.process.stdin
    ending.process.stdin.write(struct.pack(">I", 100) + b"half")
    assert ending.close() == 0


def test_it_does_not_start_without_its_models(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gate_client.inference.worker", "--models", str(tmp_path)]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=60)
    assert done.returncode != 0
    assert b"tongguan models build" in done.stderr
