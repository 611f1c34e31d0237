"""The face worker crashes, hangs, lies and is overrun: the broker says "not now" and the next capture works."""

import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker.flows.ports import Examined, ExaminerUnavailable, NotAccepted
from broker.stores.face_worker import FaceWorker
from broker.wire.reasons import Reason

# Behaves as each capture tells it to.
WORKER = """
import os, struct, sys
from broker.wire import cbor
read, write = sys.stdin.buffer, sys.stdout.buffer
def say(value):
    raw = cbor.encode({"id": asked["id"]} | value if isinstance(value, dict) else value)
    write.write(struct.pack(">I", len(raw)) + raw); write.flush()
while len(head := read.read(4)) == 4:
    asked = cbor.decode(read.read(struct.unpack(">I", head)[0]), max_bytes=1 << 25)
    if asked["op"] == "describe":
        say({"ok": True, "embedders": ["one"]})
        continue
    match asked["capture"][:4]:
        case b"cras": os._exit(139)
        case b"hang": read.read(1 << 30)
        case b"long": write.write(struct.pack(">I", 1 << 31)); write.flush()
        case b"junk": write.write(b"\\x00\\x00\\x00\\x01\\xff"); write.flush()
        case b"list": say([1])
        case b"odd_": say({"ok": True})
        case b"twin": say({"ok": False, "reason": "no_face"}); say({"ok": False, "reason": "no_face"})
        case b"anon": say({"id": None, "ok": False, "reason": "no_face"})
        case b"stra": say({"id": bytes(16), "ok": False, "reason": "no_face"})
        case b"bug_": say({"ok": False, "error": "RuntimeError", "reason": "lane_fault"})
        case b"othe": say({"ok": False, "reason": "not_same_person", "image": "capture"})
        case b"port": say({"ok": False, "reason": "poor_quality", "image": "portrait"})
        case _: say({"ok": True, "parts": [["one", bytes(asked["seeds"][0])]], "score": 0.7, "threshold": 0.5,
                     "model_hashes": {"one": "ab"}, "thresholds_hash": "cd"})
"""
SEEDS = (b"1" * 16, b"2" * 16)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(WORKER), encoding="utf-8")
    return [sys.executable, str(script)]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_it_carries_a_large_request_and_gives_the_embedders_seeds_only(command: list[str]) -> None:
    with FaceWorker(command) as worker:
        seen = worker.examine(b"good" + bytes(8 << 20), bytes(2 << 20), SEEDS)
        assert isinstance(seen, Examined)
        assert seen.template.parts[0].vector == SEEDS[0]
        assert worker.examine(b"other", b"", SEEDS) == NotAccepted(Reason.NOT_SAME_PERSON)
        assert worker.examine(b"portrait", b"", SEEDS) == NotAccepted(Reason.POOR_QUALITY, "portrait")


@pytest.mark.parametrize("capture", [b"crash", b"long", b"junk", b"list", b"odd_", b"bug_", b"anon", b"stranger"])
def test_after_a_crash_or_nonsense_the_next_capture_works(command: list[str], capture: bytes) -> None:
    with FaceWorker(command) as worker:
        with pytest.raises(ExaminerUnavailable):
            worker.examine(capture, b"", SEEDS)
        assert isinstance(worker.examine(b"good", b"", SEEDS), Examined)


def test_an_answer_left_in_the_pipe_is_nobody_elses(command: list[str]) -> None:
    """Neither one sent twice, nor one that the broker was interrupted before it could read."""
    with FaceWorker(command) as worker:
        assert worker.examine(b"twins", b"", SEEDS) == NotAccepted(Reason.NO_FACE)
        with pytest.raises(ExaminerUnavailable):
            worker.examine(b"good", b"", SEEDS)
        assert isinstance(worker.examine(b"good", b"", SEEDS), Examined)


@pytest.mark.parametrize("interruption", [RuntimeError, MemoryError, KeyboardInterrupt, SystemExit])
def test_whatever_interrupts_an_exchange_ends_that_worker(
    command: list[str], interruption: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaceWorker(command) as worker:
        worker.start()
        asked = worker._process

        def interrupted(stream: object) -> bytes:
            raise interruption

        with monkeypatch.context() as patched:
            patched.setattr("broker.stores.face_worker._read_frame", interrupted)
            with pytest.raises(interruption):
                worker.examine(b"portrait of another", b"", SEEDS)
        assert asked is not None
        assert asked.poll() is not None
        assert isinstance(worker.examine(b"good", b"", SEEDS), Examined)


def test_a_worker_that_hangs_is_killed_and_replaced(command: list[str]) -> None:
    with FaceWorker(command, answer_s=1.0) as worker:
        with pytest.raises(ExaminerUnavailable):
            worker.examine(b"hang", b"", SEEDS)
        assert isinstance(worker.examine(b"good", b"", SEEDS), Examined)


def test_a_worker_that_died_between_two_captures_is_replaced_unnoticed(command: list[str]) -> None:
    with FaceWorker(command) as worker:
        worker.start()
        process = worker._process
        assert process is not None
        process.kill()
        process.wait()
        assert isinstance(worker.examine(b"good", b"", SEEDS), Examined)


def test_a_few_wait_and_the_rest_are_told_at_once(command: list[str]) -> None:
    callers = 6
    with FaceWorker(command, answer_s=3.0, waiting=1) as worker, ThreadPoolExecutor(callers) as pool:
        worker.start()
        start = threading.Barrier(callers)

        def examine(number: int) -> str:
            start.wait()
            try:
                worker.examine(b"hang", b"", SEEDS)
            except ExaminerUnavailable as refused:
                return str(refused)
            return "answered"

        told = list(pool.map(examine, range(callers)))
    assert told.count("too many captures are waiting") == callers - 2


def test_one_that_does_not_start_is_said_so(tmp_path: Path) -> None:
    for command in ([str(tmp_path / "missing")], [sys.executable, "-c", "raise SystemExit(3)"]):
        with FaceWorker(command) as worker, pytest.raises(ExaminerUnavailable):
            worker.start()
