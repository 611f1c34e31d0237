"""Limits and thresholds are data: read strictly, applied by name, failing closed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gate_client.core.alignment import similarity
from gate_client.core.comparison import cosine, fuse
from gate_client.core.quality import Measures, judge, load_rules, outside_share, parse_rules, pose
from gate_client.core.thresholds import Thresholds, ThresholdsError, parse

GOOD = Measures(0.99, 90.0, 0.0, 300.0, 120.0, 40.0, 0.02, 0.55, 2.0, 5.0)
BAD = {
    "uncertain": {"detection_score": 0.5},
    "too_small": {"inter_eye": 20.0},
    "cut_off": {"outside": 0.3},
    "blurred": {"sharpness": 1.0},
    "too_dark": {"brightness": 10.0},
    "too_bright": {"brightness": 250.0},
    "flat_light": {"contrast": 3.0},
    "turned": {"yaw": -0.8},
    "tilted_up_or_down": {"pitch": 1.1},
    "leaning": {"roll": -60.0},
}


def test_a_good_face_passes_both_profiles() -> None:
    for limits in load_rules().profiles.values():
        assert judge(GOOD, limits).acceptable


@pytest.mark.parametrize("failure", BAD)
def test_each_limit_has_its_name(failure: str) -> None:
    for limits in load_rules().profiles.values():
        assert judge(replace(GOOD, **BAD[failure]), limits).failures == (failure,)


def test_a_covered_mouth_is_a_hint_and_no_refusal() -> None:
    report = judge(replace(GOOD, mouth_chroma=30.0), load_rules().profiles["capture"])
    assert (report.acceptable, report.hints) == (True, ("covered",))
    assert report.as_dict()["hints"] == ["covered"]


def test_a_measure_that_is_no_number_never_passes() -> None:
    nothing = Measures(*[math.nan] * 10)
    assert len(judge(nothing, load_rules().profiles["capture"]).failures) == len(BAD)


def test_a_rule_that_is_missing_or_unknown_is_an_error() -> None:
    from importlib import resources

    text = resources.files("gate_client.data").joinpath("quality.toml").read_text(encoding="utf-8")
    with pytest.raises(TypeError, match="contrast"):
        parse_rules(text.replace("contrast = 14.0", ""))
    with pytest.raises(TypeError, match="surprise"):
        parse_rules(text.replace("contrast = 14.0", "contrast = 14.0\nsurprise = 1"))


def test_pose_of_a_straight_and_of_a_turned_face() -> None:
    straight = np.array([[40, 50], [80, 50], [60, 75], [45, 100], [75, 100]], float)
    assert pose(straight) == pytest.approx((0, 0.5, 0))
    angle = math.radians(20)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    assert pose(straight @ rotation.T) == pytest.approx((0, 0.5, 20))
    turned = straight.copy()
    turned[2, 0] += 20
    assert pose(turned)[0] == pytest.approx(0.5)
    flat = straight.copy()
    flat[3:, 1] = 50
    assert math.isinf(pose(flat)[1])


def test_the_share_of_a_box_outside_the_frame() -> None:
    assert outside_share((10, 10, 20, 20), 100, 100) == 0
    assert outside_share((-10, 10, 20, 20), 100, 100) == pytest.approx(0.5)
    assert outside_share((95, 95, 10, 10), 100, 100) == pytest.approx(0.75)
    assert outside_share((200, 200, 10, 10), 100, 100) == 1


def test_similarity_recovers_rotation_scale_and_shift_and_never_mirrors() -> None:
    points = np.random.default_rng(2).normal(size=(5, 2)) * 30
    angle, scale, shift = 0.7, 1.9, np.array([13.0, -4.0])
    rotation = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    np.testing.assert_allclose(similarity(points, points @ rotation.T + shift), np.column_stack([rotation, shift]))
    mirrored = similarity(points, points * [-1, 1])
    assert np.linalg.det(mirrored[:, :2]) >= 0
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2)), points)


def test_the_shipped_thresholds_rise_with_strictness_and_say_what_they_rest_on() -> None:
    thresholds = Thresholds.load()
    assert "LFW" in thresholds.calibrated_on
    assert thresholds.operating_fmr == 1e-4
    assert len(thresholds.hash) == 64
    for name in ("dlib-resnet-v1+mobilefacenet-192", "mobilefacenet-192", "dlib-resnet-v1"):
        strict = [thresholds.at(name, fmr) for fmr in (1e-3, 1e-4, 1e-5)]
        assert strict == sorted(strict)
        assert thresholds.at(name) == strict[1]
        for level in thresholds.find(name).levels:
            assert level.interval[0] < level.threshold < level.interval[1]
            assert level.tar_interval[0] < level.tar < level.tar_interval[1]


def test_the_shipped_thresholds_were_calibrated_with_the_shipped_models() -> None:
    from gate_client.inference.registry import load_registry

    registry = load_registry()
    for name, entry in Thresholds.load().sets.items():
        assert entry.models == {
            f: registry.files[f].sha256 for f in (registry.embedders[n].file for n in name.split("+"))
        }
        if name in registry.fusion:
            assert entry.weights == registry.fusion[name].weights


SET = '[sets.a]\nweights = { a = 1.0 }\nmodels = {}\n[[sets.a.levels]]\nfmr = 1e-4\nthreshold = 0.5\n' \
      "interval = [0.4, 0.6]\ntar = 0.9\ntar_interval = [0.8, 0.95]\n"  # fmt: skip
HEAD = 'version = 1\ncalibrated_on = "x"\noperating_fmr = 1e-4\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a thresholds file"),
        ("\xff", "not a thresholds file"),
        (HEAD + "sets = {}", "no embedder set"),
        (HEAD + SET.replace("a = 1.0", "a = 0.0"), "positive weight"),
        (HEAD + SET.replace("a = 1.0", "b = 1.0"), "positive weight"),
        (HEAD.replace("1e-4", "1e-6") + SET, "no threshold was calibrated"),
        (HEAD + SET.replace("threshold = 0.5", 'threshold = "high"'), "not a thresholds file"),
    ],
)
def test_thresholds_fail_closed(text: str, why: str) -> None:
    with pytest.raises(ThresholdsError, match=why):
        parse(text.encode("latin-1"))


def test_a_set_nobody_calibrated_has_no_threshold() -> None:
    thresholds = parse((HEAD + SET).encode())
    assert thresholds.at("a") == 0.5
    with pytest.raises(ThresholdsError, match="tongguan models calibrate"):
        fuse({"b": 0.9}, thresholds=thresholds)
    with pytest.raises(ThresholdsError, match=r"FMR 0\.1"):
        thresholds.at("a", 0.1)


def test_a_zero_vector_resembles_nothing() -> None:
    assert cosine(np.zeros(4), np.ones(4)) == -1
    assert cosine(np.array([3.0, 0]), np.array([7.0, 0])) == pytest.approx(1)
