"""The worker's frames, without models."""

from __future__ import annotations

import io
import struct

import pytest

from broker.wire import cbor
from gate_client.inference.worker import MAX_FRAME, Message, serve


def frame(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def answers(sent: bytes) -> list[object]:
    """What `serve` writes for this input, with a handler that echoes the length."""
    written = io.BytesIO()

    def handle(raw: bytes) -> Message:
        return {"length": len(raw)}

    serve(io.BytesIO(sent), written, handle)
    raw, position, found = written.getvalue(), 0, []
    while position < len(raw):
        (size,) = struct.unpack_from(">I", raw, position)
        found.append(cbor.decode(raw[position + 4 : position + 4 + size]))
        position += 4 + size
    return found


def test_requests_are_answered_in_order() -> None:
    assert answers(frame(b"abc") + frame(b"") + frame(bytes(70_000))) == [{"length": n} for n in (3, 0, 70_000)]


def test_a_frame_too_long_is_skipped_and_the_next_one_answered() -> None:
    refusal = {"ok": False, "error": f"a frame has at most {MAX_FRAME} bytes"}
    assert answers(frame(bytes(MAX_FRAME + 1)) + frame(b"next")) == [refusal, {"length": 4}]


@pytest.mark.parametrize("cut", [1, 3, 4, 6])
def test_the_end_of_input_ends_the_worker_without_an_answer(cut: int) -> None:
    assert answers(frame(b"whole")[:cut]) == []
