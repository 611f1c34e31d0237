"""Error rates in the terms of ISO/IEC 19795-1: FMR, FNMR, their intervals, thresholds for a wanted FMR, DET points.

Comparisons that share a subject are not independent, so intervals come from resampling subjects (bootstrap), each
comparison weighing the product of how often its subjects were drawn. Where only a share of independent trials is
counted, the interval is Wilson's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Subjects = NDArray[np.int32]

CONFIDENCE = 0.95
_TAIL = 3.0
"""The bootstrap keeps this many times the comparisons above the loosest threshold; some replicates reach further."""


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """Scores of mated and non-mated comparisons with the subjects behind them, as indices.

    mated (n,), mated_subject (n,); non_mated (m,), non_mated_subjects (m,2). `images` (s,) counts images per subject:
    set where non_mated holds every cross-subject comparison, None where it holds labelled pairs only.
    """

    mated: Scores
    mated_subject: Subjects
    non_mated: Scores
    non_mated_subjects: Subjects
    images: NDArray[np.int64] | None


@dataclass(frozen=True)
class OperatingPoint:
    """What one threshold does, with 95 % intervals. `threshold_interval`: where resampling put it for `fmr_wanted`."""

    fmr_wanted: float
    threshold: float
    threshold_interval: tuple[float, float]
    fmr: float
    fmr_interval: tuple[float, float]
    fnmr: float
    fnmr_interval: tuple[float, float]


def threshold_for(non_mated: Scores, fmr: float) -> float:
    """The smallest threshold with a share of at most `fmr` of the scores at or above it."""
    if non_mated.size == 0 or fmr * non_mated.size < 1:
        raise ValueError(f"{non_mated.size} non-mated comparisons cannot show an FMR of {fmr:g}")
    allowed = math.floor(fmr * non_mated.size)
    at = non_mated.size - allowed
    part = np.partition(non_mated, [at - 1, at])
    # Just above the first score that must not pass; ties therefore never exceed the wanted rate.
    return float(np.nextafter(part[at - 1], np.float32(np.inf)))


def fmr_at(scores: ScoreSet, threshold: float) -> float:
    return float((scores.non_mated >= threshold).mean())


def fnmr_at(scores: ScoreSet, threshold: float) -> float:
    return float((scores.mated < threshold).mean())


def operating_points(
    scores: ScoreSet, fmrs: tuple[float, ...], *, replicates: int = 1000, seed: int = 1
) -> list[OperatingPoint]:
    """Thresholds fitted to each wanted FMR on these scores, with bootstrap intervals."""
    thresholds = [threshold_for(scores.non_mated, fmr) for fmr in fmrs]
    return rates_at(scores, list(zip(fmrs, thresholds, strict=True)), replicates=replicates, seed=seed)


def rates_at(
    scores: ScoreSet, levels: list[tuple[float, float]], *, replicates: int = 1000, seed: int = 1
) -> list[OperatingPoint]:
    """FMR and FNMR at given (wanted FMR, threshold) pairs, with bootstrap intervals."""
    floor = min([threshold_for(scores.non_mated, min(1.0, _TAIL * max(f for f, _ in levels))), *(t for _, t in levels)])
    kept = np.flatnonzero(scores.non_mated >= floor)
    kept = kept[np.argsort(-scores.non_mated[kept], kind="stable")]
    tail, tail_subjects = scores.non_mated[kept], scores.non_mated_subjects[kept]
    mated_subjects = np.unique(scores.mated_subject)
    rng = np.random.default_rng(seed)
    count = int(max(scores.non_mated_subjects.max(initial=0), scores.mated_subject.max(initial=0))) + 1
    fitted = np.full((replicates, len(levels)), np.nan)
    fmr, fnmr = np.empty_like(fitted), np.empty_like(fitted)
    for row in range(replicates):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        weight = drawn[tail_subjects[:, 0]] * drawn[tail_subjects[:, 1]]
        total = _total_weight(scores, drawn)
        cumulative = np.cumsum(weight)
        # FNMR resamples the subjects that have mated pairs, so that every replicate has as many of them.
        drawn_mated = np.zeros(count)
        np.add.at(drawn_mated, rng.choice(mated_subjects, mated_subjects.size), 1.0)
        mated_weight = drawn_mated[scores.mated_subject]
        for column, (wanted, threshold) in enumerate(levels):
            above = int(np.searchsorted(-tail, -threshold, side="right"))
            fmr[row, column] = (cumulative[above - 1] if above else 0.0) / total
            fnmr[row, column] = mated_weight[scores.mated < threshold].sum() / mated_weight.sum()
            reached = int(np.searchsorted(cumulative, wanted * total, side="right"))
            fitted[row, column] = tail[min(reached, tail.size - 1)]
    return [
        OperatingPoint(
            fmr_wanted=wanted,
            threshold=threshold,
            threshold_interval=_interval(fitted[:, column]),
            fmr=fmr_at(scores, threshold),
            fmr_interval=_interval(fmr[:, column]),
            fnmr=fnmr_at(scores, threshold),
            fnmr_interval=_interval(fnmr[:, column]),
        )
        for column, (wanted, threshold) in enumerate(levels)
    ]


def _total_weight(scores: ScoreSet, drawn: NDArray[np.float64]) -> float:
    """The weight of all non-mated comparisons in a replicate; closed form where they are all cross-subject ones."""
    if scores.images is None:
        subjects = scores.non_mated_subjects
        return float((drawn[subjects[:, 0]] * drawn[subjects[:, 1]]).sum())
    images = drawn * scores.images
    return float(images.sum() ** 2 - (images**2).sum()) / 2


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share of independent trials (Wilson 1927). Raises ValueError without trials."""
    if trials <= 0:
        raise ValueError("no trials")
    z = 1.959963984540054
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def det_points(
    scores: ScoreSet, *, lowest: float = 1e-6, count: int = 200
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(FMR, FNMR) along the detection error trade-off curve, from the lowest FMR the comparisons can show up to 1."""
    ordered = np.sort(scores.non_mated)
    fmr = np.geomspace(max(lowest, 1.0 / max(ordered.size, 1)), 1.0, count)
    index = np.clip(ordered.size - np.floor(fmr * ordered.size).astype(int), 0, ordered.size - 1)
    mated = np.sort(scores.mated)
    return fmr, np.searchsorted(mated, ordered[index], side="left") / mated.size


def accuracy_by_fold(scores: Scores, mated: NDArray[np.bool_], folds: NDArray[np.int64]) -> list[float]:
    """Accuracy on each fold with the threshold that is best on all the others (LFW View 2 protocol)."""
    results = []
    for fold in np.unique(folds):
        fit, test = folds != fold, folds == fold
        threshold = _best_threshold(scores[fit], mated[fit])
        results.append(float(((scores[test] >= threshold) == mated[test]).mean()))
    return results


def _best_threshold(scores: Scores, mated: NDArray[np.bool_]) -> float:
    """The middle of the thresholds with the fewest errors."""
    order = np.argsort(scores, kind="stable")
    ordered, labels = scores[order], mated[order]
    # Accepting from position k on: errors = mated below k + non-mated from k on.
    errors = np.concatenate([[0], np.cumsum(labels)]) + (~labels).sum() - np.concatenate([[0], np.cumsum(~labels)])
    best = np.flatnonzero(errors == errors.min())
    k = int(best[len(best) // 2])
    if k == 0:
        return float(ordered[0])
    return float(ordered[k - 1] + ordered[min(k, ordered.size - 1)]) / 2 if k < ordered.size else float(np.inf)
