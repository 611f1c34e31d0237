"""Stored reference outputs: does a model file compute what its original computes, on this machine?

`golden.json` was written from the originals (dlib, LiteRT, a plain numpy MTCNN), not from the ONNX files; the model
tests make it anew and compare.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate_client.inference.registry import Registry
from gate_client.inference.sessions import open_session, read_pinned

TOLERANCE = 1e-4
"""Relative to the largest value of an output. Processors round differently; wrong weights differ far more."""


class GoldenError(RuntimeError):
    """A model computes something else than its original."""


def pattern(*shape: int) -> NDArray[np.uint8]:
    """A picture made of arithmetic: smooth waves with a little texture, the same everywhere. Shape (n, h, w, 3)."""
    n, y, x, c = np.indices(shape).astype(np.int64)
    wave = np.abs((3 * x + 5 * y + 40 * c + 17 * n) % 256 - 128)
    pixels: NDArray[np.uint8] = (wave + (7 * x * y + 13 * c + 29 * n) % 97).clip(0, 255).astype(np.uint8)
    return pixels


def check_outputs(registry: Registry, model_dir: Path, name: str) -> float | None:
    """The largest relative difference from the stored outputs; None where none are stored. Raises GoldenError."""
    entry = _stored().get(name)
    if entry is None:
        return None
    session = open_session(read_pinned(model_dir, name, registry), threads=1)
    outputs = session.run(list(entry["outputs"]), {entry["input"]: model_input(entry)})
    worst = 0.0
    for (output, stored), found in zip(entry["outputs"].items(), outputs, strict=True):
        expected = np.array(stored["values"], np.float64)
        got = np.asarray(found, np.float64).reshape(-1)[:: stored["step"]]
        if got.shape != expected.shape:
            raise GoldenError(f"{name}: output {output} has {got.size} values, its original {expected.size}")
        worst = max(worst, float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-12)))
    if not worst <= TOLERANCE:
        raise GoldenError(f"{name}: differs from its original by {worst:.1e} of the largest value")
    return worst


def model_input(entry: dict[str, Any]) -> NDArray[np.float32]:
    """The stored input: the pattern, normalised and laid out as the entry says."""
    pixels = pattern(*entry["shape"]).astype(np.float32)
    values = ((pixels - np.array(entry["mean"], np.float32)) / np.array(entry["std"], np.float32)).astype(np.float32)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if entry["layout"] == "nchw" else values)


@cache
def _stored() -> dict[str, Any]:
    text = resources.files("gate_client.data").joinpath("golden.json").read_text(encoding="utf-8")
    stored: dict[str, Any] = json.loads(text)
    return stored
