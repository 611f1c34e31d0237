"""The engine on real photographs: who is accepted, and each refusal by its reason."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from broker.wire.reasons import Reason
from broker.wire.sealed_template import TemplatePayload
from gate_client.core.comparison import compare_embeddings
from gate_client.core.template import compare, make_template
from gate_client.inference.engine import Capture, CaptureRefused, FaceEngine
from gate_client.inference.photograph import decode
from tests.support.photos import ANOTHER_PERSON, CUT_OFF, SHA256, TENANTS, THIRD_PERSON, photo

SEEDS = (bytes(range(16)), bytes(range(16, 32)))


def picture(name: str) -> np.ndarray:
    return decode(photo(name).read_bytes())


@pytest.fixture(scope="module")
def captures(engine: FaceEngine) -> dict[str, Capture]:
    names = [TENANTS[0].portrait, TENANTS[0].enrolment, TENANTS[0].gate, ANOTHER_PERSON, THIRD_PERSON]
    return {name: engine.capture(picture(name)) for name in names}


def test_photographs_of_one_person_match_and_of_others_do_not(engine: FaceEngine, captures: dict[str, Capture]) -> None:
    threshold = engine.thresholds.at(engine.embedder_set, 1e-5)
    person = {TENANTS[0].portrait, TENANTS[0].enrolment, TENANTS[0].gate}
    for first, second in itertools.combinations(captures, 2):
        comparison = compare_embeddings(captures[first].embeddings, captures[second].embeddings)
        assert (comparison.fused >= threshold) == (first in person and second in person), (first, second, comparison)


def test_the_same_decisions_through_templates_with_both_and_with_one_embedder(
    engine: FaceEngine, captures: dict[str, Capture]
) -> None:
    enrolled = captures[TENANTS[0].enrolment].embeddings
    for names in (engine.embedders, engine.embedders[1:]):
        seeds = SEEDS[: len(names)]
        payload = TemplatePayload(bytes(16), make_template({n: enrolled[n] for n in names}, seeds), seeds)
        same = compare(captures[TENANTS[0].gate].embeddings, payload)
        other = compare(captures[ANOTHER_PERSON].embeddings, payload)
        threshold = engine.thresholds.at(same.embedder_set)
        assert other.fused < threshold <= same.fused


def test_embeddings_are_unit_vectors_and_the_crop_is_upright(captures: dict[str, Capture]) -> None:
    for capture in captures.values():
        assert capture.aligned.shape == (150, 150, 3)
        assert [round(float(np.linalg.norm(v)), 5) for v in capture.embeddings.values()] == [1.0, 1.0]
        assert set(capture.timings) == {
            *("detect", "quality", "align", "embed dlib-resnet-v1", "embed mobilefacenet-192"),
        }


def test_size_and_rotation_of_the_frame_hardly_matter(engine: FaceEngine, captures: dict[str, Capture]) -> None:
    image = picture("obama.jpg")
    matrix = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), 12, 1.0)
    variants = [
        cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        cv2.resize(image, None, fx=3.0, fy=3.0),
        cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0])),
    ]
    for variant in variants:
        again = engine.capture(variant)
        assert compare_embeddings(again.embeddings, captures["obama.jpg"].embeddings).fused > 0.95


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_face_cut_by_the_frame_is_poor_quality(engine: FaceEngine, name: str) -> None:
    with pytest.raises(CaptureRefused) as refused:
        engine.capture(picture(name))
    assert refused.value.reason is Reason.POOR_QUALITY
    assert refused.value.quality is not None
    assert refused.value.quality.failures == ("cut_off",)


def test_nobody(engine: FaceEngine) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    for frame in (np.zeros((720, 1280, 3), np.uint8), noise, np.full((40, 40, 3), 200, np.uint8)):
        with pytest.raises(CaptureRefused) as refused:
            engine.capture(frame)
        assert refused.value.reason is Reason.NO_FACE


def beside(small: float) -> np.ndarray:
    """Two people in one frame, the second scaled by `small`."""
    left, right = (cv2.resize(picture(name)[:600], (480, 360)) for name in ("obama.jpg", "obama2.jpg"))
    right = cv2.resize(right, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
    canvas = np.full((360, 960, 3), 127, np.uint8)
    canvas[:, :480] = left
    canvas[: right.shape[0], 480 : 480 + right.shape[1]] = right
    return cv2.resize(canvas, None, fx=1.5, fy=1.5)


def test_a_second_face_of_comparable_size_is_refused_and_a_small_one_is_not(engine: FaceEngine) -> None:
    assert len(engine.analyse(beside(1.0))) == 2
    with pytest.raises(CaptureRefused) as refused:
        engine.capture(beside(1.0))
    assert refused.value.reason is Reason.SEVERAL_FACES
    assert len(engine.analyse(beside(0.35))) == 2
    engine.capture(beside(0.35))


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (lambda image: cv2.GaussianBlur(image, (0, 0), 12), "blurred"),
        (lambda image: (image * 0.12).astype(np.uint8), "too_dark"),
        (lambda image: np.clip(image * 0.2 + 200, 0, 255).astype(np.uint8), "too_bright"),
        (lambda image: cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), "too_small"),
    ],
)
def test_each_quality_gate_names_itself(engine: FaceEngine, change: object, failure: str) -> None:
    with pytest.raises(CaptureRefused) as refused:
        engine.capture(change(picture("obama.jpg")))  # type: ignore[operator]
    assert refused.value.reason is Reason.POOR_QUALITY
    assert refused.value.quality is not None
    assert failure in refused.value.quality.failures


def test_a_mask_is_hinted_at_and_a_bare_face_is_not(engine: FaceEngine) -> None:
    for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", ANOTHER_PERSON, THIRD_PERSON):
        image = picture(name)
        face = engine.analyse(image)[0]
        assert engine.judge(image, face).hints == ()
        left, right, nose, *_ = face.landmarks
        across = right - left
        down = np.array([-across[1], across[0]])
        corners = [nose - 0.7 * across, nose, nose + 0.7 * across, nose + 0.6 * across + 1.2 * down]
        corners += [nose - 0.6 * across + 1.2 * down]
        cv2.fillPoly(image, [np.array(corners).astype(int)], (200, 170, 140))
        assert engine.judge(image, face).hints == ("covered",)


def test_the_licence_clean_setting_leaves_only_documented_models(model_dir: Path, engine: FaceEngine) -> None:
    clean = FaceEngine.load(model_dir, licence_clean=True)
    assert clean.embedders == ("dlib-resnet-v1",)
    assert "mobilefacenet-192.onnx" not in clean.model_hashes
    capture = clean.capture(picture("obama.jpg"))
    assert set(capture.embeddings) == {"dlib-resnet-v1"}
    assert clean.thresholds.at(clean.embedder_set) > 0.9


def test_one_face_under_two_keys_looks_like_two_strangers(captures: dict[str, Capture]) -> None:
    """Templates of one face under different seeds are as unlike as templates of strangers: no score links them."""
    names = list(captures)
    keys = [bytes([k] * 16) for k in range(40)]
    for embedder in captures[names[0]].embeddings:

        def score(a: str, b: str, k: int, m: int, part: str = embedder) -> float:
            first, second = (
                np.frombuffer(make_template({part: captures[n].embeddings[part]}, [keys[i]]).parts[0].vector, np.int8)
                for n, i in ((a, k), (b, m))
            )
            one, two = first.astype(float), second.astype(float)
            return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))

        same = np.array([score(names[0], names[0], k, k + 1) for k in range(0, 39, 2)])
        strangers = np.array([score(names[0], ANOTHER_PERSON, k, k + 1) for k in range(0, 39, 2)])
        expected = 1 / np.sqrt(captures[names[0]].embeddings[embedder].size)
        for scores in (same, strangers):
            assert abs(scores.mean()) < 4 * expected / np.sqrt(20)
            assert 0.5 * expected < scores.std() < 1.7 * expected


def test_every_photograph_has_its_pinned_hash() -> None:
    import hashlib

    for name, pinned in SHA256.items():
        assert hashlib.sha256(photo(name).read_bytes()).hexdigest() == pinned
    used = {name for tenant in TENANTS for name in (tenant.portrait, tenant.enrolment, tenant.gate)}
    assert all(len({t.portrait, t.enrolment, t.gate}) == 3 for t in TENANTS)
    assert used <= set(SHA256)
