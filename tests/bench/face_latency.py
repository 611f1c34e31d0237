"""Latency of the face stages and of a whole camera frame, and the memory of a process that runs them.

    python -m tests.bench.face_latency

Frames are 1280 x 720: the photographs of tests/support/photos.py as a lane camera would see them, the face about a
quarter of the frame's height. Frame to decision: detect, quality, align, both embeddings, comparison with an opened
template. One and two inference threads.
"""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import cv2
import numpy as np

from broker.wire.sealed_template import TemplatePayload
from gate_client.core.template import compare, make_template
from gate_client.inference.engine import FaceEngine
from gate_client.inference.photograph import decode
from tests.bench.figures import Figures
from tests.support.photos import ANOTHER_PERSON, TENANTS, photo

ROUNDS = 60
WIDTH, HEIGHT = 1280, 720
FRAME_TO_DECISION_P95 = 250.0
GATE_MEMORY_MB = 600.0


def lane_frame(name: str) -> np.ndarray:
    """The photograph inside a 1280 x 720 frame with a soft background, its face about 180 px high."""
    image = decode(photo(name).read_bytes())
    face = FaceEngine.load().analyse(image)[0]
    scale = 180 / face.box[3]
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = (int((face.box[0] + face.box[2] / 2) * scale), int((face.box[1] + face.box[3] / 2) * scale))
    background = np.linspace(70, 160, WIDTH).astype(np.uint8)
    frame = np.repeat(np.repeat(background[None, :, None], HEIGHT, axis=0), 3, axis=2)
    left, top = WIDTH // 2 - x, HEIGHT // 2 - y
    from_x, from_y = max(0, -left), max(0, -top)
    part = image[from_y : from_y + HEIGHT - max(0, top), from_x : from_x + WIDTH - max(0, left)]
    frame[max(0, top) : max(0, top) + part.shape[0], max(0, left) : max(0, left) + part.shape[1]] = part
    return np.ascontiguousarray(frame)


def measure(threads: int, frames: list[np.ndarray], figures: Figures) -> None:
    engine = FaceEngine.load(threads=threads)
    cv2.setNumThreads(threads)
    seeds = (bytes(16), bytes([1] * 16))
    enrolled = engine.capture(decode(photo(TENANTS[0].enrolment).read_bytes()))
    payload = TemplatePayload(bytes(16), make_template(enrolled.embeddings, seeds), seeds)
    stages: dict[str, list[float]] = {}
    whole: list[float] = []
    for _ in range(ROUNDS):
        for frame in frames:
            began = perf_counter()
            capture = engine.capture(frame)
            embedded = perf_counter()
            compare(capture.embeddings, payload, thresholds=engine.thresholds)
            ended = perf_counter()
            whole.append((ended - began) * 1000)
            for stage, milliseconds in {**capture.timings, "compare": (ended - embedded) * 1000}.items():
                stages.setdefault(stage, []).append(milliseconds)
    label = f"{threads} thread{'s' if threads > 1 else ''}"
    for stage, values in stages.items():
        figures.add_latencies(f"{stage}, {label}", values)
    figures.add_latencies(f"frame to decision, {label}", whole, targets={95: FRAME_TO_DECISION_P95})


def peak_memory_mb(code: str) -> float:
    """Peak resident memory of a fresh Python process that runs `code`, MB."""
    script = code + "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    return float(done.stdout.split()[-1])


def main() -> None:
    figures = Figures("face_latency")
    names = [*(tenant.gate for tenant in TENANTS), ANOTHER_PERSON]
    frames = [lane_frame(name) for name in names]
    for threads in (1, 2):
        measure(threads, frames, figures)
    load = "from gate_client.inference.engine import FaceEngine\nengine = FaceEngine.load()\n"
    figures.add("memory, engine loaded", peak_memory_mb(load), "MB", target=("<=", GATE_MEMORY_MB))
    paths = [str(photo(name)) for name in names]
    run = (
        "from gate_client.inference.photograph import decode\n"
        f"for path in {paths!r} * 5:\n    engine.capture(decode(open(path, 'rb').read()))\n"
    )
    figures.add("memory, after 20 captures", peak_memory_mb(load + run), "MB", target=("<=", GATE_MEMORY_MB))
    figures.write()


if __name__ == "__main__":
    main()
