"""The face engine as a child process: it decodes hostile images and may hang or crash; the broker must do neither.

Frames on stdin and stdout: length (u32, big endian), then deterministic CBOR; one request, one answer, in order
(`python -m gate_client.inference.worker`). A random id goes with each request and comes back with its answer: what one
traveller's examination left in the pipe can never become another's template.
"""

import hmac
import os
import struct
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

from broker.flows.ports import Examined, ExaminerUnavailable, NotAccepted
from broker.wire import cbor
from broker.wire.errors import DecodeError
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason
from broker.wire.sealed_template import FaceTemplate, TemplatePart

_LENGTH = struct.Struct(">I")
_MAX_ANSWER = 64 * 1024
_ID_BYTES = 16


class FaceWorker:
    """Port `FaceExaminer`. One examination at a time, a few waiting, the rest refused at once. Thread-safe.

    `command`: how to start the worker. `answer_s`: how long one examination may take. `start_s`: how long loading the
    models may take. `waiting`: how many callers may queue. A worker that overruns is killed; the next call starts
    another. It ends with the broker, whatever ends that: its input closes.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        answer_s: float = 15.0,
        start_s: float = 60.0,
        waiting: int = 8,
        entropy: Entropy = os.urandom,
    ) -> None:
        self._command = tuple(command)
        self._entropy = entropy
        self._answer_s, self._start_s = answer_s, start_s
        self._places = threading.BoundedSemaphore(waiting + 1)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._embedders = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Load the models now rather than at the first capture. Raises ExaminerUnavailable."""
        with self._turn:
            self._ready()

    def examine(self, capture: bytes, portrait: bytes, seeds: Sequence[bytes]) -> Examined | NotAccepted:
        """Compare and make the template; `seeds` in the engine's order of embedders. Raises ExaminerUnavailable."""
        if not self._places.acquire(blocking=False):
            raise ExaminerUnavailable("too many captures are waiting")
        try:
            with self._turn:
                process = self._ready()
                if len(seeds) < self._embedders:
                    raise ExaminerUnavailable(f"{self._embedders} embedders, but {len(seeds)} seeds")
                request = {
                    "op": "enrol",
                    "capture": capture,
                    "portrait": portrait,
                    "seeds": list(seeds[: self._embedders]),
                }
                return _read_answer(self._ask(process, request, self._answer_s))
        finally:
            self._places.release()

    def close(self) -> None:
        """End the worker."""
        with self._turn:
            self._drop()

    def _ready(self) -> "subprocess.Popen[bytes]":
        """The running worker, or a new one that has said which embedders it has."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._drop()
        try:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise ExaminerUnavailable(f"the face worker does not start: {error}") from error
        described = self._ask(self._process, {"op": "describe"}, self._start_s)
        embedders = described.get("embedders")
        if not isinstance(embedders, list) or not embedders:
            self._drop()
            raise ExaminerUnavailable("the face worker names no embedders")
        self._embedders = len(embedders)
        return self._process

    def _ask(self, process: "subprocess.Popen[bytes]", request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """One exchange. At the deadline the worker is killed, which ends any read or write that waits for it.

        Whatever ends an exchange before its whole answer was read ends the worker too: the rest would be read next.
        """
        if process.stdin is None or process.stdout is None:
            raise ExaminerUnavailable("the face worker has no pipes")
        name = self._entropy(_ID_BYTES)
        watchdog = threading.Timer(seconds, process.kill)
        try:
            watchdog.start()
            frame = cbor.encode({"id": name, **request})
            process.stdin.write(_LENGTH.pack(len(frame)) + frame)
            process.stdin.flush()
            answer = cbor.decode(_read_frame(process.stdout), max_bytes=_MAX_ANSWER)
        except (OSError, EOFError, DecodeError, ValueError) as error:
            self._drop()
            raise ExaminerUnavailable("the face worker ended or ran out of time") from error
        except BaseException:
            self._drop()
            raise
        finally:
            watchdog.cancel()
        if not isinstance(answer, dict):
            self._drop()
            raise ExaminerUnavailable("the face worker does not speak our language")
        given = answer.get("id")
        if not isinstance(given, bytes) or not hmac.compare_digest(given, name):
            self._drop()
            raise ExaminerUnavailable("the face worker answered another request")
        return {str(name): value for name, value in answer.items()}

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close(pipe)


def _read_answer(answer: Mapping[str, Any]) -> Examined | NotAccepted:
    try:
        if answer["ok"] is True:
            parts = tuple(TemplatePart(embedder, vector) for embedder, vector in answer["parts"])
            return Examined(
                FaceTemplate(parts),
                float(answer["score"]),
                float(answer["threshold"]),
                dict(answer["model_hashes"]),
                str(answer["thresholds_hash"]),
            )
        if "error" not in answer:
            return NotAccepted(Reason(answer["reason"]), str(answer.get("image", "capture")))
    except (KeyError, TypeError, ValueError) as error:
        raise ExaminerUnavailable("the face worker's answer makes no sense") from error
    raise ExaminerUnavailable(f"the face worker failed: {answer['error']}")


def _read_frame(stream: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if length > _MAX_ANSWER:
        raise ValueError("an answer is never that long")
    return _read_exactly(stream, length)


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        # What was buffered for a worker that is gone; nobody misses it.
        return
