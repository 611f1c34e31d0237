"""Thresholds from a labelled collection, and what they rest on, as a thresholds file, a table and a plot."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.table import Table

from gate_client.core.thresholds import Thresholds
from gate_client.inference.collection import Acquired, CollectionError, Labels, score_all
from gate_client.inference.registry import Registry, RegistryError, set_id
from gate_client.inference.statistics import (
    OperatingPoint,
    ScoreSet,
    accuracy_by_fold,
    det_points,
    operating_points,
    rates_at,
    wilson,
)

FMRS = (1e-3, 1e-4, 1e-5)
OPERATING_FMR = 1e-4
LEAST_FALSE_MATCHES = 10
"""A threshold that rests on fewer false matches than this is a guess."""


@dataclass(frozen=True, eq=False)
class Result:
    """One embedder set on one collection. accuracy: mean over folds, each with the threshold fitted on the others."""

    embedder_set: str
    weights: Mapping[str, float]
    scores: ScoreSet
    points: list[OperatingPoint]
    accuracy: float | None


def sets_of(registry: Registry) -> dict[str, dict[str, float]]:
    """Every embedder alone, and the default set fused: what a gate or a QR code can hold. Raises RegistryError."""
    names = registry.default.embedders
    sets = {name: {name: 1.0} for name in names}
    if len(names) > 1:
        whole = set_id(names)
        if whole not in registry.fusion:
            raise RegistryError(f"no fusion weights for {whole!r}")
        sets = {whole: dict(registry.fusion[whole].weights), **sets}
    return sets


def calibrate(labels: Labels, acquired: Acquired, weights: Mapping[str, float], name: str) -> Result:
    """Fit the thresholds for FMRS, leaving out rates the number of comparisons cannot show.

    Raises CollectionError where that leaves out the operating point or no pair is mated.
    """
    scores, pairs = score_all(labels, acquired, dict(weights))
    shown = tuple(fmr for fmr in FMRS if fmr * scores.non_mated.size >= LEAST_FALSE_MATCHES)
    if OPERATING_FMR not in shown or not scores.mated.size:
        raise CollectionError(
            f"{scores.mated.size} mated and {scores.non_mated.size} non-mated comparisons: an FMR of {OPERATING_FMR:g} "
            f"needs at least {LEAST_FALSE_MATCHES / OPERATING_FMR:,.0f} non-mated ones"
        )
    return Result(name, weights, scores, operating_points(scores, shown), _accuracy(labels, pairs))


def evaluate(labels: Labels, acquired: Acquired, thresholds: Thresholds, name: str) -> Result:
    """What given thresholds do on a collection."""
    entry = thresholds.find(name)
    scores, pairs = score_all(labels, acquired, dict(entry.weights))
    levels = [(level.fmr, level.threshold) for level in entry.levels]
    return Result(name, entry.weights, scores, rates_at(scores, levels), _accuracy(labels, pairs))


def _accuracy(labels: Labels, pairs: np.ndarray) -> float | None:
    if len(np.unique(labels.fold)) < 2 or labels.mated.all() or not labels.mated.any():
        return None
    return float(np.mean(accuracy_by_fold(pairs, labels.mated, labels.fold)))


def thresholds_toml(results: list[Result], registry: Registry, calibrated_on: str) -> str:
    """The text of a thresholds file."""
    lines = [
        "# Written by `tongguan models calibrate`. A score at or above the threshold is accepted; intervals are 95 %,",
        "# by resampling subjects. specs/face-models.md says how to read them and why they are optimistic.",
        "version = 1",
        f'calibrated_on = "{_quoted(calibrated_on)}"',
        f"operating_fmr = {OPERATING_FMR:g}",
    ]
    for result in results:
        weights = ", ".join(f'"{name}" = {weight:g}' for name, weight in result.weights.items())
        files = [registry.embedders[name].file for name in result.weights]
        models = ", ".join(f'"{file}" = "{registry.files[file].sha256}"' for file in files)
        lines += ["", f'[sets."{result.embedder_set}"]', f"weights = {{ {weights} }}", f"models = {{ {models} }}"]
        for point in result.points:
            low, high = point.threshold_interval
            worst, best = point.fnmr_interval
            lines += [
                f'[[sets."{result.embedder_set}".levels]]',
                f"fmr = {point.fmr_wanted:g}",
                f"threshold = {math.ceil(point.threshold * 1e5) / 1e5:.5f}",  # never above the wanted FMR
                f"interval = [{low:.5f}, {high:.5f}]",
                f"tar = {1 - point.fnmr:.4f}",
                f"tar_interval = [{1 - best:.4f}, {1 - worst:.4f}]",
            ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')


def collection_table(labels: Labels, acquired: Acquired, scores: ScoreSet) -> Table:
    """Who and what was compared, failures to acquire, and what the lane's quality gates would have turned away."""
    table = Table(title="Collection (ISO/IEC 19795-1)", show_header=False)
    images, missed = len(labels.images), int((~acquired.found).sum())
    low, high = wilson(missed, images)
    refused = sorted(acquired.refusals.items(), key=lambda item: -item[1])
    rows = [
        ("test subjects", f"{len(np.unique(labels.subject)):,}"),
        ("images", f"{images:,}"),
        ("failure to acquire (no face found)", f"{missed} = {missed / images:.4%}  [{low:.4%}, {high:.4%}]"),
        ("failure to enrol", "as failure to acquire: every image serves as probe and as reference"),
        ("mated comparisons", f"{scores.mated.size:,}"),
        ("non-mated comparisons", f"{scores.non_mated.size:,} (every cross-subject pair)"),
        ("a lane would ask again for", ", ".join(f"{name} {n}" for name, n in refused) or "nothing"),
        ("environment", environment()),
    ]
    for label, value in rows:
        table.add_row(label, value)
    return table


def rates_table(results: list[Result]) -> Table:
    """One row per set and threshold. FNMR counts a failure to acquire in a mated pair as a non-match."""
    table = Table(title="Error rates at the thresholds, 95 % intervals by resampling subjects")
    for heading in ("embedders", "accuracy", "for FMR", "threshold", "FMR", "FNMR", "TAR"):
        table.add_column(heading, justify="left" if heading == "embedders" else "right", overflow="fold")
    for result in results:
        for row, point in enumerate(result.points):
            table.add_row(
                result.embedder_set if row == 0 else "",
                f"{result.accuracy:.4f}" if row == 0 and result.accuracy is not None else "",
                f"{point.fmr_wanted:g}",
                f"{point.threshold:.4f} [{point.threshold_interval[0]:.4f}, {point.threshold_interval[1]:.4f}]",
                f"{point.fmr:.2e} [{point.fmr_interval[0]:.1e}, {point.fmr_interval[1]:.1e}]",
                f"{point.fnmr:.4f} [{point.fnmr_interval[0]:.4f}, {point.fnmr_interval[1]:.4f}]",
                f"{1 - point.fnmr:.4f}",
            )
        table.add_section()
    return table


def environment() -> str:
    """Processor and the versions a score depends on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "opencv-python", "numpy"))
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {packages}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def plot_det(results: list[Result], path: Path, title: str) -> None:
    """The detection error trade-off of every set, with the thresholds marked, as PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 6))
    for result in results:
        (line,) = axes.loglog(*det_points(result.scores), label=result.embedder_set)
        axes.plot(
            [p.fmr for p in result.points], [max(p.fnmr, 1e-6) for p in result.points], "o", color=line.get_color()
        )
    axes.set(xlabel="false match rate", ylabel="false non-match rate", title=title, xlim=(1e-6, 1), ylim=(1e-4, 1))
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
