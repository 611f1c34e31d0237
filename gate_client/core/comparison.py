"""The comparison score of a probe and a reference (ISO/IEC 2382-37): cosines per embedder, fused by weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate_client.core.thresholds import Thresholds

Vector = NDArray[np.floating] | NDArray[np.int8]


@dataclass(frozen=True)
class Comparison:
    """Cosines in [-1, 1] per embedder, their fused score, and the name of the embedder set it belongs to."""

    per_embedder: Mapping[str, float]
    fused: float
    embedder_set: str


def cosine(a: Vector, b: Vector) -> float:
    """Cosine of two vectors of one length. A zero vector resembles nothing: -1."""
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(left @ right) / norms if norms > 0 else -1.0


def fuse(cosines: Mapping[str, float], *, thresholds: Thresholds | None = None) -> Comparison:
    """Fuse cosines, in the order of the embedder set. Raises ThresholdsError for a set that was never calibrated."""
    name = "+".join(cosines)
    weights = (thresholds or Thresholds.load()).find(name).weights
    return Comparison(dict(cosines), sum(weights[key] * value for key, value in cosines.items()), name)


def compare_embeddings(
    probe: Mapping[str, Vector], reference: Mapping[str, Vector], *, thresholds: Thresholds | None = None
) -> Comparison:
    """Compare two captures that are both at hand (enrolment against the authority's portrait)."""
    return fuse({name: cosine(probe[name], reference[name]) for name in reference}, thresholds=thresholds)
