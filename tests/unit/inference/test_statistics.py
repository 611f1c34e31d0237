"""Error rates: thresholds that keep their promise, intervals that cover, and the LFW protocol by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_client.inference.statistics import (
    ScoreSet,
    accuracy_by_fold,
    det_points,
    fmr_at,
    fnmr_at,
    operating_points,
    rates_at,
    threshold_for,
    wilson,
)


@given(
    st.lists(st.integers(-20, 20), min_size=20, max_size=300).map(lambda v: np.array(v, np.float32) / 10),
    st.sampled_from([0.05, 0.1, 0.5]),
)
@settings(max_examples=200)
def test_a_threshold_never_passes_more_than_asked_and_is_the_smallest_such(scores: np.ndarray, fmr: float) -> None:
    threshold = threshold_for(scores, fmr)
    assert (scores >= threshold).mean() <= fmr
    below = scores[scores < threshold]
    assert (scores >= below.max()).mean() > fmr


def test_a_rate_that_the_comparisons_cannot_show_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot show"):
        threshold_for(np.zeros(99, np.float32), 0.01)


def collection(seed: int, subjects: int = 60, images: int = 3) -> ScoreSet:
    """Gaussian scores of `subjects` people with `images` photographs each, every cross-subject comparison."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(subjects, dtype=np.int32), images)
    first, second = np.triu_indices(owner.size, 1)
    cross = owner[first] != owner[second]
    return ScoreSet(
        mated=rng.normal(2.5, 1, subjects * 2).astype(np.float32),
        mated_subject=np.repeat(np.arange(subjects, dtype=np.int32), 2),
        non_mated=rng.normal(0, 1, int(cross.sum())).astype(np.float32),
        non_mated_subjects=np.stack([owner[first[cross]], owner[second[cross]]], axis=1),
        images=np.full(subjects, images, np.int64),
    )


def test_rates_and_intervals_of_a_known_distribution() -> None:
    points = operating_points(collection(1), (1e-2, 1e-3), replicates=300)
    assert points[0].threshold == pytest.approx(2.326, abs=0.1)
    assert points[1].threshold == pytest.approx(3.090, abs=0.2)
    for point in points:
        assert point.fmr <= point.fmr_wanted
        assert point.threshold_interval[0] < point.threshold < point.threshold_interval[1]
        assert point.fmr_interval[0] < point.fmr < point.fmr_interval[1]
        assert point.fnmr_interval[0] < point.fnmr < point.fnmr_interval[1]


def test_the_closed_form_weight_equals_the_sum_over_comparisons() -> None:
    whole = collection(2)
    listed = ScoreSet(whole.mated, whole.mated_subject, whole.non_mated, whole.non_mated_subjects, None)
    one, two = (rates_at(s, [(1e-2, 2.3)], replicates=50, seed=4)[0] for s in (whole, listed))
    assert one == two


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """FNMR of a normal distribution at a fixed threshold: Phi(2 - 2.5) = 0.3085."""
    covered = 0
    for seed in range(40):
        low, high = rates_at(collection(seed), [(1e-2, 2.0)], replicates=200)[0].fnmr_interval
        covered += low <= 0.3085 <= high
    assert covered >= 33


def test_det_falls_from_everything_accepted_to_little() -> None:
    fmr, fnmr = det_points(collection(3))
    assert (np.diff(fmr) > 0).all()
    assert (np.diff(fnmr) <= 0).all()
    assert fnmr[-1] == pytest.approx(0, abs=0.02)
    scores = collection(3)
    middle = len(fmr) // 2
    assert fnmr[middle] == pytest.approx(fnmr_at(scores, threshold_for(scores.non_mated, fmr[middle])), abs=0.02)
    assert fmr_at(scores, -100) == 1


def test_wilson_against_published_values() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    with pytest.raises(ValueError, match="no trials"):
        wilson(0, 0)


def test_accuracy_uses_thresholds_of_the_other_folds_only() -> None:
    """Fold 1 is shifted: its own best threshold would be perfect, the other folds' is not."""
    scores = np.array([0.1, 0.2, 0.8, 0.9, 0.1, 0.2, 0.8, 0.9, 1.1, 1.2, 1.8, 1.9], np.float32)
    mated = np.array([0, 0, 1, 1] * 3, bool)
    folds = np.repeat([0, 1, 2], 4)
    by_fold = accuracy_by_fold(scores, mated, folds)
    assert by_fold[2] == 0.5
    assert accuracy_by_fold(scores[:8], mated[:8], folds[:8]) == [1.0, 1.0]
    assert accuracy_by_fold(1 - scores[:8], mated[:8], folds[:8]) == pytest.approx([0.5, 0.5])
