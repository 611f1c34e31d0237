"""Face templates: embedding -> keyed orthogonal transform -> int8 (specs/sealed-template, specs/face-models).

The transform is a product of Householder reflections drawn from SHAKE-256 of the seed: an orthogonal matrix drawn
uniformly (Haar measure; Stewart, SIAM J. Numer. Anal. 17(3), 1980). It keeps every cosine. A template is renewable (new
seed) and unlinkable while the seed is secret; whoever holds seed and template can undo it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from broker.wire.sealed_template import FaceTemplate, TemplatePart, TemplatePayload
from gate_client.core.comparison import Comparison, Vector, cosine, fuse
from gate_client.core.thresholds import Thresholds

Float64 = NDArray[np.float64]

DOMAIN = b"tongguan/template-transform/v1\0"
SEED_BYTES = 16


class TemplateError(ValueError):
    """Template, seeds and embeddings do not belong together."""


def transform(vector: Vector, *, seed: bytes, embedder: str) -> Float64:
    """Rotate vectors (..., d) by the key. The same seed gives unrelated rotations for different embedders."""
    if len(seed) != SEED_BYTES:
        raise TemplateError(f"a transform seed has {SEED_BYTES} bytes, not {len(seed)}")
    rotated = np.array(vector, np.float64)
    if not np.isfinite(rotated).all():
        raise TemplateError("an embedding is not finite")
    dimension = rotated.shape[-1]
    directions = _normals(DOMAIN + embedder.encode() + b"\0" + seed, dimension)
    start = 0
    for first in range(dimension - 1):
        length = dimension - first
        direction = directions[start : start + length].copy()
        start += length
        # Reflecting along x + sign(x_1) |x| e_1 carries the first axis to a direction drawn uniformly.
        direction[0] += math.copysign(float(np.linalg.norm(direction)), direction[0])
        tail = rotated[..., first:]
        tail -= (2.0 / (direction @ direction)) * (tail @ direction)[..., None] * direction
    # The last factor of Stewart's product is a sign per coordinate.
    return np.where(directions[start : start + dimension] < 0, -rotated, rotated)


def _normals(key: bytes, dimension: int) -> Float64:
    """Standard normal values from SHAKE-256, enough for every reflection of `dimension` and its signs.

    Box-Muller on 53-bit uniforms. Machines may differ in the last bit; int8 rounds that away.
    """
    count = dimension * (dimension + 1) // 2 - 1 + dimension
    pairs = (count + 1) // 2
    words = np.frombuffer(hashlib.shake_256(key).digest(16 * pairs), "<u8")
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    radius, angle = np.sqrt(-2.0 * np.log(uniform[:pairs])), 2.0 * np.pi * uniform[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def quantise(vector: Vector) -> bytes:
    """int8 with the largest magnitude at 127. The scale is not kept: a cosine does not need it."""
    peak = float(np.abs(vector).max(initial=0.0))
    if peak == 0.0:
        raise TemplateError("an embedding is empty or zero: no finite scale")
    return np.rint(np.asarray(vector, np.float64) * (127.0 / peak)).astype(np.int8).tobytes()


def make_template(embeddings: Mapping[str, Vector], seeds: Sequence[bytes]) -> FaceTemplate:
    """One part per embedding, in order, each under its own seed of 16 bytes."""
    if not embeddings or len(seeds) != len(embeddings):
        raise TemplateError(f"{len(embeddings)} embeddings and {len(seeds)} seeds")
    return FaceTemplate(
        parts=tuple(
            TemplatePart(embedder=name, vector=quantise(transform(vector, seed=seed, embedder=name)))
            for (name, vector), seed in zip(embeddings.items(), seeds, strict=True)
        )
    )


def compare(
    probe: Mapping[str, Vector], payload: TemplatePayload, *, thresholds: Thresholds | None = None
) -> Comparison:
    """Score a probe's embeddings against an opened template, on the embedders the template holds.

    Raises TemplateError where the probe lacks one of them or a vector has another length.
    """
    parts = payload.template.parts
    if not parts or len(payload.seeds) != len(parts):
        raise TemplateError(f"{len(parts)} template parts and {len(payload.seeds)} seeds")
    cosines: dict[str, float] = {}
    for part, seed in zip(parts, payload.seeds, strict=True):
        if part.embedder not in probe or part.embedder in cosines:
            raise TemplateError(f"template part {part.embedder!r} does not fit the embedders of this gate")
        reference = np.frombuffer(part.vector, np.int8)
        if reference.size != np.size(probe[part.embedder]):
            raise TemplateError(f"template part {part.embedder!r} has {reference.size} values")
        cosines[part.embedder] = cosine(transform(probe[part.embedder], seed=seed, embedder=part.embedder), reference)
    return fuse(cosines, thresholds=thresholds)
