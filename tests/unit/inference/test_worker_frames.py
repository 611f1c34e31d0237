"""The worker's frames, without models."""

from __future__ import annotations

import io
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from broker.wire import cbor
from gate_client.inference import worker
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


class Engine:
    """An engine whose comparison comes out as told."""

    embedders = ("one",)
    embedder_set = "one"
    model_hashes: dict[str, str] = {"one": "ab"}  # noqa: RUF012
    thresholds = SimpleNamespace(hash="cd", at=lambda embedder_set: 0.5)

    def capture(self, image: object, *, profile: str) -> Any:
        return SimpleNamespace(embeddings={}, quality=SimpleNamespace(as_dict=dict))


def enrolled_at(score: float, monkeypatch: pytest.MonkeyPatch) -> Message:
    """The answer to an enrolment whose comparison gives `score` against a threshold of 0.5."""
    compared = SimpleNamespace(fused=score, embedder_set="one")
    monkeypatch.setattr(worker, "decode", lambda raw: raw)
    monkeypatch.setattr(worker, "compare_embeddings", lambda *_, **__: compared)
    monkeypatch.setattr(worker, "make_template", lambda *_: SimpleNamespace(parts=()))
    request = {"id": b"one", "op": "enrol", "capture": b"c", "portrait": b"p", "seeds": [bytes(16)]}
    return worker.answer(Engine(), cbor.encode(request))  # type: ignore[arg-type]


@pytest.mark.parametrize(("score", "same"), [(0.5, True), (0.7, True), (0.49, False), (float("nan"), False)])
def test_only_a_score_that_reaches_the_threshold_enrols(
    score: float, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = enrolled_at(score, monkeypatch)
    assert answer["ok"] is same
    assert same or answer["reason"] == "not_same_person"


def test_every_answer_names_its_request() -> None:
    for request in ({"op": "describe"}, {"op": "dance"}, {"op": "enrol"}):
        assert worker.answer(Engine(), cbor.encode({"id": b"seven", **request}))["id"] == b"seven"  # type: ignore[arg-type]
    assert "id" not in worker.answer(Engine(), b"\xff")  # type: ignore[arg-type]
