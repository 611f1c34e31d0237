"""`make demo`: the whole lane as processes over HTTP, on photographs from installed packages; then what it must refuse.

Exit code 0 only when every scene ended exactly as expected.
"""

from __future__ import annotations

import argparse
import shutil
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
from tests.demo import journeys, pictures
from tests.demo.lane import Lane
from tests.demo.report import write_report
from tests.demo.scene import Timeline
from tests.demo.serving import serve
from tests.demo.webcam import WebcamError, cast_from_webcam
from tests.support import photos
from tests.support.stage import PROVIDERS, GateProcess, Stage
from tests.support.wallet_client import WalletClient

OUT = Path("out/demo")
PEOPLE = {
    "ctid": ("ctid-wang", "ctid-li"),
    "iamsmart": ("iamsmart-chan", "iamsmart-wong"),
    "macau": ("macau-sousa", "macau-lei"),
}
"""Invented people of each provider: the traveller, and the one whose login somebody else uses."""


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


def cast_from_packages(index: int) -> journeys.Cast:
    """The three photographs of one person change roles from tenant to tenant."""
    roles = photos.TENANTS[index]
    names = (roles.portrait, roles.enrolment, roles.gate, photos.ANOTHER_PERSON, photos.CUT_OFF[0])
    return journeys.Cast(*map(photos.photo, names))


def lay_portraits(folder: Path, portraits: dict[str, Path]) -> None:
    """What the provider's register holds: a JPEG a person."""
    folder.mkdir(parents=True, exist_ok=True)
    for person, photograph in portraits.items():
        shutil.copyfile(photograph, folder / f"{person}.jpg")


def play(provider: str, *, cast: journeys.Cast, timeline: Timeline, home: Path, console: Console, last: bool) -> None:
    """One clean tenant: broker, database, providers, gate, and one traveller. The last one plays the refusals too."""
    traveller, other = PEOPLE[provider]
    lay_portraits(home / "portraits", {traveller: cast.portrait, other: cast.impostor})
    console.print(f"[bold]{provider}[/]: starting database, broker, providers, gate …")
    with Stage(home, home / "portraits", serve_wallet=False) as stage:
        gate = stage.gate(journeys.ZONE)
        tenant = journeys.Tenant(
            provider=provider,
            person=traveller,
            other_person=other,
            cast=cast,
            lane=Lane(gate, home / "frames", timeline),
            timeline=timeline,
            new_wallet=partial(new_wallet, stage),
        )
        timeline.told = partial(tell, console)
        wallet = journeys.whole_journey(tenant)
        if last and wallet is not None:
            journeys.another_person_enrols(tenant)
            journeys.refusals(tenant, wallet)
            journeys.network_cut(tenant, wallet, partial(deliver, stage, gate))
            journeys.withdrawn_consent(tenant, wallet)
            verify_journal(stage, timeline)


def new_wallet(stage: Stage) -> WalletClient:
    return WalletClient(stage.broker_url, f"{stage.wallet_url}/callback", ca=stage.ca)


def deliver(stage: Stage, gate: GateProcess) -> int:
    """Bring the line back and return how many crossings still wait in the outbox."""
    stage.run("gate", "sync", "--home", gate.home)
    status = stage.run("gate", "status", "--home", gate.home)
    line = next(line for line in status.splitlines() if "crossings waiting" in line)
    return int(line.split()[-1])


def verify_journal(stage: Stage, timeline: Timeline) -> None:
    scene = timeline.scene(
        "the journal",
        story="Every consent, release and crossing of this tenant stands in a Merkle log: recompute every hash, "
        "check every signed checkpoint.",
        expected="verified",
    )
    with timeline.step(scene, "tongguan journal verify"):
        *_, summary, verdict = stage.run("journal", "verify", "--home", stage.broker_home).strip().splitlines()
    scene.story += f" {summary}."
    scene.observed = verdict


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
            play(provider, cast=casts[index], timeline=timeline, home=home, console=console, last=last)
        console.print(results(timeline))
        held = sum(scene.holds for scene in timeline.scenes)
        summary = f"{held} of {len(timeline.scenes)} scenes ended as expected, in {perf_counter() - started:.0f} s."
        write_report(OUT / "report.html", timeline.scenes, summary=summary, provenance=provenance())
        console.print(f"{summary} Pictures and timelines: {OUT / 'report.html'}")
        if options.serve:
            serve(
                Path(work) / "serve",
                visitor,
                PEOPLE,
                camera=options.camera,
                public=options.public,
                tls_folder=OUT / "tls",
                console=console,
            )
    return 0 if timeline.holds else 1


if __name__ == "__main__":
    sys.exit(main())
