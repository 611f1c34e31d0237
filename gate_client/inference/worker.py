"""The face worker: decodes hostile images and examines faces in a process of its own.

stdin and stdout carry frames: length (u32, big endian), then deterministic CBOR. One request, one answer, in order.
Nothing a request holds ends the process; end of input does. The parent enforces time: a request that takes too long is
answered by killing the worker and starting another.

    {"id", "op": "describe"} -> {"id", "ok", "embedders", "embedder_set", "model_hashes", "thresholds_hash"}
    {"id", "op": "enrol", "capture", "portrait", "seeds"} -> {"id", "ok": true, "parts", "score", "threshold", ...}
                                                          -> {"id", "ok": false, "reason", "image", "detail", ...}

`id`: up to 64 bytes that come back with the answer, so that an answer can never be taken for another request's.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from broker.wire import cbor
from broker.wire.errors import DecodeError
from broker.wire.reasons import Reason
from gate_client.core.comparison import compare_embeddings
from gate_client.core.template import SEED_BYTES, make_template
from gate_client.inference.engine import Capture, CaptureRefused, FaceEngine
from gate_client.inference.photograph import MAX_BYTES, MalformedImage, decode

MAX_FRAME = 2 * MAX_BYTES + 4096
"""Two images and what surrounds them."""

_MAX_ID = 64

Message = dict[str, Any]


class RequestError(ValueError):
    """The request itself is wrong; the parent has a bug."""


def answer(engine: FaceEngine, raw: bytes) -> Message:
    """Answer one request. Total: whatever the request holds, a message comes back."""
    try:
        request = cbor.decode(raw, max_bytes=MAX_FRAME)
    except DecodeError as error:
        return {"ok": False, "error": str(error)}
    name = request.get("id") if isinstance(request, dict) else None
    named = {"id": name} if isinstance(name, bytes) and len(name) <= _MAX_ID else {}
    return _outcome(engine, request) | named


def _outcome(engine: FaceEngine, request: object) -> Message:
    try:
        return _dispatch(engine, request)
    except RequestError as error:
        return {"ok": False, "error": str(error)}
    except Exception as error:  # noqa: BLE001 (a worker outlives anything an image provokes; the type is safe to tell)
        return {"ok": False, "reason": Reason.LANE_FAULT.value, "error": type(error).__name__}


def _dispatch(engine: FaceEngine, request: object) -> Message:
    if not isinstance(request, dict):
        raise RequestError("a request is a map")
    match request.get("op"):
        case "describe":
            return _describe(engine)
        case "enrol":
            return _enrol(engine, request)
        case _:
            raise RequestError("unknown op")


def _describe(engine: FaceEngine) -> Message:
    return {
        "ok": True,
        "embedders": list(engine.embedders),
        "embedder_set": engine.embedder_set,
        "model_hashes": engine.model_hashes,
        "thresholds_hash": engine.thresholds.hash,
    }


def _enrol(engine: FaceEngine, request: Message) -> Message:
    """Compare a capture with the authority's portrait and make the template of the capture."""
    seeds = _seeds(engine, request.get("seeds"))
    captures: dict[str, Capture] = {}
    for image, profile in (("portrait", "portrait"), ("capture", "capture")):
        raw = request.get(image)
        if not isinstance(raw, bytes):
            raise RequestError(f"{image} is not bytes")
        try:
            captures[image] = engine.capture(decode(raw), profile=profile)
        except MalformedImage as error:
            return {"ok": False, "reason": Reason.MALFORMED_IMAGE.value, "image": image, "detail": str(error)}
        except CaptureRefused as refused:
            quality = {"quality": refused.quality.as_dict()} if refused.quality else {}
            return {"ok": False, "reason": refused.reason.value, "image": image, "detail": refused.detail, **quality}
    capture, portrait = captures["capture"], captures["portrait"]
    comparison = compare_embeddings(capture.embeddings, portrait.embeddings, thresholds=engine.thresholds)
    threshold = engine.thresholds.at(comparison.embedder_set)
    measured: Message = {
        "score": comparison.fused,
        "threshold": threshold,
        "embedder_set": comparison.embedder_set,
        "quality": capture.quality.as_dict(),
        "model_hashes": engine.model_hashes,
        "thresholds_hash": engine.thresholds.hash,
    }
    if not comparison.fused >= threshold:  # so written that a score that is no number enrols nobody
        return {"ok": False, "reason": Reason.NOT_SAME_PERSON.value, "image": "capture", **measured}
    template = make_template(capture.embeddings, seeds)
    return {"ok": True, "parts": [[part.embedder, part.vector] for part in template.parts], **measured}


def _seeds(engine: FaceEngine, given: object) -> list[bytes]:
    """Seeds in engine order, from a list in that order or a map by embedder."""
    if isinstance(given, dict):
        given = [given.get(name) for name in engine.embedders]
    if not isinstance(given, list) or len(given) != len(engine.embedders):
        raise RequestError(f"{len(engine.embedders)} seeds are needed")
    if not all(isinstance(seed, bytes) and len(seed) == SEED_BYTES for seed in given):
        raise RequestError(f"a seed has {SEED_BYTES} bytes")
    return given


def serve(reader: BinaryIO, writer: BinaryIO, handle: Callable[[bytes], Message]) -> None:
    """Answer frames until the input ends. A frame that is too long is read past and refused."""
    while len(head := _read(reader, 4)) == 4:
        (length,) = struct.unpack(">I", head)
        if length > MAX_FRAME:
            _discard(reader, length)
            reply: Message = {"ok": False, "error": f"a frame has at most {MAX_FRAME} bytes"}
        else:
            frame = _read(reader, length)
            if len(frame) != length:
                return
            reply = handle(frame)
        encoded = cbor.encode(reply)
        writer.write(struct.pack(">I", len(encoded)) + encoded)
        writer.flush()


def _read(reader: BinaryIO, count: int) -> bytes:
    return reader.read(count) or b""


def _discard(reader: BinaryIO, count: int) -> None:
    while count > 0 and (piece := _read(reader, min(count, 1 << 20))):
        count -= len(piece)


def _private_stdout() -> BinaryIO:
    """Keep the real stdout for frames and point descriptor 1 at stderr: a library that prints cannot break a frame."""
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return frames


def _no_core_dumps() -> None:
    """Faces stay out of core dumps."""
    try:
        import resource
    except ImportError:  # not on Windows, where there are none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gate_client.inference.worker", description=__doc__)
    parser.add_argument("--models", type=Path, default=None, help="model directory (default: TONGGUAN_MODELS)")
    parser.add_argument("--licence-clean", action="store_true", help="only models with documented licence and origin")
    arguments = parser.parse_args()
    _no_core_dumps()
    frames = _private_stdout()
    engine = FaceEngine.load(arguments.models, licence_clean=arguments.licence_clean)
    engine.thresholds.at(engine.embedder_set)  # a worker without thresholds fails now, not at the first traveller
    serve(sys.stdin.buffer, frames, lambda raw: answer(engine, raw))


if __name__ == "__main__":
    main()
