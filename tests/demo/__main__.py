"""`make demo`: the whole lane as processes over HTTP, on photographs from installed packages; then what it must refuse.

Exit code 0 only when every scene ended exactly as expected.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from gate_client.inference.engine import FaceEngine
from tests.demo import pictures
from tests.demo.report import write_report
from tests.demo.scene import Timeline
from tests.demo.serving import serve
from tests.demo.tenant import PEOPLE, cast_from_packages, play
from tests.demo.webcam import WebcamError, cast_from_webcam
from tests.support.process import ProcessFailed
from tests.support.stage import PROVIDERS

OUT = Path("out/demo")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--camera", type=int, metavar="N", help="take the traveller's photographs with webcam N")
    parser.add_argument("--serve", action="store_true", help="keep everything up and print the addresses")
    parser.add_argument("--public", metavar="HOST", help="with --serve: TLS on this name or address; 1 finds it")
    parser.add_argument(
        "--portrait", type=Path, metavar="FILE", help="with --serve: your photograph, as the providers'"
    )
    options = parser.parse_args(words)
    if options.public and not options.serve:
        parser.error("--public needs --serve: make demo SERVE=1 PUBLIC=1")
    if options.portrait and not options.serve:
        parser.error("--portrait needs --serve: make demo SERVE=1 PORTRAIT=me.jpg")
    return options


def tell(console: Console, text: str) -> None:
    console.print(f"  {text}", highlight=False)


def results(timeline: Timeline) -> Table:
    view = Table(title="What was shown", title_justify="left")
    for name, justify in (("scene", "left"), ("expected", "left"), ("observed", "left")):
        view.add_column(name, justify=justify, overflow="fold")
    for name in ("score", "threshold", "gate ms", "all s"):
        view.add_column(name, justify="right")
    for scene in timeline.scenes:
        mark = "[green]✓[/]" if scene.holds else "[bold red]✗[/]"
        numbers = [f"{n:.3f}" if n is not None else "" for n in (scene.score, scene.threshold)]
        gate = f"{scene.gate_timings['total']:.0f}" if "total" in scene.gate_timings else ""
        view.add_row(scene.title, scene.expected, f"{mark} {scene.observed}", *numbers, gate, f"{scene.seconds:.2f}")
    return view


def provenance() -> str:
    engine = FaceEngine.load()
    hashes = ", ".join(f"{name} {value[:12]}…" for name, value in engine.model_hashes.items())
    return (
        f"Models: {hashes}. Thresholds {engine.thresholds.hash[:12]}…, "
        f"calibrated on: {engine.thresholds.calibrated_on}. "
        "Liveness: not_assessed on every decision. All names and numbers are invented."
    )


def main() -> int:
    options = arguments()
    console = Console(width=150 if not sys.stdout.isatty() else None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started, timeline = perf_counter(), Timeline()
    timeline.told = partial(tell, console)
    with tempfile.TemporaryDirectory(prefix="tongguan-") as work:
        casts = [cast_from_packages(index) for index in range(len(PROVIDERS))]
        try:
            if options.camera is not None:
                casts = [cast_from_webcam(options.camera, Path(work) / "webcam", casts[0], console)] * len(PROVIDERS)
            visitor = casts[0]
            if options.portrait:
                visitor = replace(visitor, portrait=pictures.portrait(options.portrait, Path(work) / "portrait.jpg"))
        except (WebcamError, OSError, ValueError) as error:
            console.print(f"[red]{error}[/]", soft_wrap=True)
            return 2
        for index, provider in enumerate(PROVIDERS):
            home = Path(work) / provider
            last = index == len(PROVIDERS) - 1
            console.print(f"[bold]{provider}[/]: starting database, broker, providers, gate …")
            play(provider, cast=casts[index], timeline=timeline, home=home, refusals=last)
        console.print(results(timeline))
        held = sum(scene.holds for scene in timeline.scenes)
        summary = f"{held} of {len(timeline.scenes)} scenes ended as expected, in {perf_counter() - started:.0f} s."
        write_report(OUT / "report.html", timeline.scenes, summary=summary, provenance=provenance())
        console.print(f"{summary} Pictures and timelines: {OUT / 'report.html'}")
        if options.serve:
            try:
                serve(
                    Path(work) / "serve",
                    visitor,
                    PEOPLE,
                    camera=options.camera,
                    public=options.public,
                    tls_folder=OUT / "tls",
                    console=console,
                )
            except ProcessFailed as error:
                console.print(str(error), style="red", markup=False, soft_wrap=True)
                return 1
    return 0 if timeline.holds else 1


if __name__ == "__main__":
    sys.exit(main())
