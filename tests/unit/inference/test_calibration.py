"""From embeddings and labels to a thresholds file that a gate can load, on invented people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gate_client.core.thresholds import parse
from gate_client.inference.calibration import (
    OPERATING_FMR,
    calibrate,
    collection_table,
    evaluate,
    plot_det,
    rates_table,
    sets_of,
    thresholds_toml,
)
from gate_client.inference.collection import Acquired, CollectionError, Labels, read_labels, score_all
from gate_client.inference.registry import load_registry

WHOLE = "dlib-resnet-v1+mobilefacenet-192"


def invented(people: int, images: int = 4) -> tuple[Labels, Acquired]:
    """Embeddings around one centre a person; the first and second image of each are a mated pair."""
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(people, dtype=np.int32), images)
    first = np.arange(people) * images
    other = np.roll(first, 1)
    labels = Labels(
        images=tuple(f"p{s}/{i}.jpg" for i, s in enumerate(subject)),
        subject=subject,
        probe=np.concatenate([first, first]),
        reference=np.concatenate([first + 1, other]),
        mated=np.repeat([True, False], people),
        fold=np.tile(np.arange(people) % 5, 2),
    )
    embeddings = {}
    for name, size in (("dlib-resnet-v1", 128), ("mobilefacenet-192", 192)):
        vectors = rng.normal(size=(people, size))[subject] + 0.8 * rng.normal(size=(subject.size, size))
        embeddings[name] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return labels, Acquired(embeddings, np.ones(subject.size, np.bool_), {"too_small": 2})


def test_a_calibration_is_written_loaded_and_keeps_its_promise(tmp_path: Path) -> None:
    labels, acquired = invented(130)
    registry = load_registry()
    results = [calibrate(labels, acquired, weights, name) for name, weights in sets_of(registry).items()]
    thresholds = parse(thresholds_toml(results, registry, 'invented "people"\nof a test').encode())
    assert thresholds.calibrated_on == 'invented "people" of a test'
    assert set(thresholds.sets) == {WHOLE, "dlib-resnet-v1", "mobilefacenet-192"}
    for name in thresholds.sets:
        again = evaluate(labels, acquired, thresholds, name)
        assert [point.fmr_wanted for point in again.points] == [1e-3, 1e-4], (
            "1e-5 cannot be shown by 134,160 comparisons"
        )
        assert all(point.fmr <= point.fmr_wanted for point in again.points)
        assert again.accuracy is not None
        assert again.accuracy > 0.95
    assert rates_table(results).row_count == 6
    assert collection_table(labels, acquired, results[0].scores).row_count == 8
    plot_det(results, tmp_path / "plots" / "det.png", "invented")
    assert (tmp_path / "plots" / "det.png").read_bytes().startswith(b"\x89PNG")


def test_too_few_comparisons_for_the_operating_point_are_refused() -> None:
    labels, acquired = invented(20)
    with pytest.raises(CollectionError, match="at least 100,000"):
        calibrate(labels, acquired, {"mobilefacenet-192": 1.0}, "mobilefacenet-192")


def test_a_failure_to_acquire_counts_as_a_non_match_and_makes_no_impostor() -> None:
    labels, acquired = invented(130)
    acquired.found[1] = False
    scores, pairs = score_all(labels, acquired, {"mobilefacenet-192": 1.0})
    assert pairs[0] == -1
    assert (scores.mated == -1).sum() == 1
    assert scores.non_mated.size == (130 * 4) * (129 * 4) // 2 - 129 * 4
    assert scores.images is not None
    assert scores.images.sum() == 519


def test_scores_through_templates_are_those_of_the_embeddings_but_for_rounding() -> None:
    labels, acquired = invented(40)
    weights = sets_of(load_registry())[WHOLE]
    templates, plain = (score_all(labels, acquired, weights, quantised=q)[0] for q in (True, False))
    assert np.abs(templates.non_mated - plain.non_mated).max() < 0.005
    assert np.abs(templates.non_mated - plain.non_mated).mean() < 0.001
    assert OPERATING_FMR == 1e-4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("probe,reference\na/1,b/1\n", "needs the columns"),
        ("probe,reference,mated\na/1,b/1,maybe\n", "needs the columns"),
        ("probe,reference,mated\n", "0 of 0"),
        ("probe,reference,mated\na/1,a/2,0\na/1,b/1,0\n", "1 of 2 rows contradict"),
    ],
)
def test_labels_that_cannot_be_used_say_why(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    with pytest.raises(CollectionError, match=why):
        read_labels(path)


def test_labels_are_read_with_people_from_folders(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("fold,probe,reference,mated\n0,a/1.jpg,a/2.jpg,1\n3,a/1.jpg,b/1.jpg,0\n")
    labels = read_labels(path)
    assert labels.images == ("a/1.jpg", "a/2.jpg", "b/1.jpg")
    assert labels.subject.tolist() == [0, 0, 1]
    assert labels.fold.tolist() == [0, 3]
