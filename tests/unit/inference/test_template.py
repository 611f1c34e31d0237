"""Templates: the transform keeps scores, hides the vector without its seed, and survives rounding to a byte."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.wire.sealed_template import TemplatePayload
from gate_client.core.comparison import cosine
from gate_client.core.template import TemplateError, compare, make_template, quantise, transform

MOBILE, DLIB = "mobilefacenet-192", "dlib-resnet-v1"
SEEDS = (b"0123456789abcdef", b"fedcba9876543210")


def unit(seed: int, size: int = 192) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=size)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**31), st.sampled_from([16, 128, 192, 512]))
@settings(max_examples=40, deadline=None)
def test_the_transform_is_orthogonal(seed: bytes, pick: int, size: int) -> None:
    a, b = unit(pick, size), unit(pick + 1, size)
    one, two = (transform(v, seed=seed, embedder=MOBILE) for v in (a, b))
    assert abs(float(np.linalg.norm(one)) - 1) < 1e-6
    assert abs(float(one @ two) - float(a.astype(float) @ b)) < 1e-9


def test_the_transform_is_this_one() -> None:
    """A fixed value: a template made today must match tomorrow, on every machine."""
    rotated = transform(np.arange(1, 9) / 10, seed=bytes(range(16)), embedder=DLIB)
    assert [round(float(v), 6) for v in rotated] == KNOWN


KNOWN = [0.134666, 0.081395, 0.139233, -0.064297, -0.189548, -0.957412, -1.01537, -0.090439]


def test_a_matrix_drawn_uniformly_spreads_every_axis() -> None:
    """Over many keys each entry has mean 0 and variance 1/d: the first moments of the Haar measure."""
    size = 16
    seeds = [hashlib.sha256(bytes([k])).digest()[:16] for k in range(250)]
    drawn = np.stack([transform(np.eye(size), seed=seed, embedder="x") for seed in seeds])
    assert np.abs(drawn.mean(axis=0)).max() < 5 / np.sqrt(250 * size)
    assert abs(float((drawn**2).mean(axis=0).max()) - 1 / size) < 0.5 / size
    assert np.allclose(np.einsum("kij,klj->kil", drawn, drawn), np.eye(size), atol=1e-9)


def test_seeds_and_embedders_give_unrelated_transforms() -> None:
    vector = unit(1)
    ways = [(SEEDS[0], MOBILE), (SEEDS[1], MOBILE), (SEEDS[0], DLIB)]
    results = [transform(vector, seed=seed, embedder=name) for seed, name in ways]
    for first in range(3):
        for second in range(first):
            assert abs(float(results[first] @ results[second])) < 0.35


def test_many_vectors_at_once_are_each_on_their_own() -> None:
    vectors = np.stack([unit(k) for k in range(5)])
    together = transform(vectors, seed=SEEDS[0], embedder=MOBILE)
    alone = np.stack([transform(v, seed=SEEDS[0], embedder=MOBILE) for v in vectors])
    np.testing.assert_allclose(together, alone, atol=1e-12)


@pytest.mark.parametrize("size", [128, 192, 512])
def test_rounding_to_a_byte_moves_a_score_by_less_than_a_hundredth(size: int) -> None:
    first = np.stack([unit(2 * k, size) for k in range(200)]).astype(float)
    second = first + np.linspace(0, 2, 200)[:, None] * np.stack([unit(2 * k + 1, size) for k in range(200)])
    references = [np.frombuffer(quantise(v), np.int8) for v in transform(first, seed=SEEDS[0], embedder=MOBILE)]
    probes = transform(second, seed=SEEDS[0], embedder=MOBILE)
    moved = [
        abs(cosine(probe, reference) - cosine(a, b))
        for probe, reference, a, b in zip(probes, references, first, second, strict=True)
    ]
    assert max(moved) < 0.004
    assert np.mean(moved) < 0.001


def payload(seeds: tuple[bytes, ...] = SEEDS) -> TemplatePayload:
    return TemplatePayload(bytes(16), make_template({DLIB: unit(1, 128), MOBILE: unit(2)}, seeds), seeds)


def test_a_template_compares_with_its_own_face_and_not_with_another() -> None:
    same = compare({DLIB: unit(1, 128), MOBILE: unit(2)}, payload())
    other = compare({DLIB: unit(3, 128), MOBILE: unit(4)}, payload())
    assert same.embedder_set == f"{DLIB}+{MOBILE}"
    assert min(same.per_embedder.values()) > 0.999
    assert abs(other.fused) < 0.3


def test_the_fused_score_is_the_calibrated_sum() -> None:
    result = compare({DLIB: unit(1, 128), MOBILE: unit(4)}, payload())
    assert result.fused == pytest.approx(0.7 * result.per_embedder[DLIB] + 0.3 * result.per_embedder[MOBILE])


def test_one_part_is_compared_alone() -> None:
    template = make_template({MOBILE: unit(2)}, SEEDS[:1])
    result = compare({DLIB: unit(1, 128), MOBILE: unit(2)}, TemplatePayload(bytes(16), template, SEEDS[:1]))
    assert result.embedder_set == MOBILE
    assert len(template.parts[0].vector) == 192


def test_a_template_opened_with_another_seed_is_a_stranger() -> None:
    mixed = TemplatePayload(bytes(16), payload().template, (SEEDS[1], SEEDS[0]))
    assert abs(compare({DLIB: unit(1, 128), MOBILE: unit(2)}, mixed).fused) < 0.35


def test_what_does_not_fit_is_refused() -> None:
    good = {DLIB: unit(1, 128), MOBILE: unit(2)}
    with pytest.raises(TemplateError, match="2 embeddings and 1 seeds"):
        make_template(good, SEEDS[:1])
    with pytest.raises(TemplateError, match="16 bytes"):
        transform(unit(1), seed=b"short", embedder=MOBILE)
    for bad in (np.zeros(192), np.full(192, np.nan), np.full(192, np.inf)):
        with pytest.raises(TemplateError, match="finite"):
            make_template({MOBILE: bad}, SEEDS[:1])
    with pytest.raises(TemplateError, match="does not fit"):
        compare({MOBILE: unit(2)}, payload())
    with pytest.raises(TemplateError, match="128 values"):
        compare({DLIB: unit(1, 64), MOBILE: unit(2)}, payload())
