"""`make bench`: every benchmark in turn, each in its own process (so is its memory), then one summary."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from rich.console import Console

from tests.bench.figures import OUT, SKIPPED, Figure, table

BENCHES = (
    "gate_latency",
    "whole_lane",
    "face_latency",
    "journal_rate",
    "broker_rates",
    "authorization_peer",
    "provider_faults",
    "qr_grid",
    "mutated_qr",
    "governance",
    "transfer_ledger",
    "release_rate",
    "face_accuracy",
)


def main() -> int:
    """Exit code 1 when a benchmark did not finish, left no figures, or missed a target."""
    console = Console(width=120)
    failed: list[str] = []
    skipped: list[str] = []
    rows: list[Figure] = []
    for name in BENCHES:
        console.rule(name)
        written = OUT / f"{name}.json"
        written.unlink(missing_ok=True)
        ended = subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode
        if ended == SKIPPED:
            skipped.append(name)
        elif ended != 0 or not written.exists():
            failed.append(name)
        if written.exists():
            rows += promised(json.loads(written.read_text(encoding="utf-8")))
    console.print(table("Targets", rows))
    missed = [row.what for row in rows if not row.holds]
    console.print(f"{len(rows) - len(missed)} of {len(rows)} targets hold")
    for text, names in (("missed", missed), ("did not finish", failed), ("skipped, data absent", skipped)):
        if names:
            console.print(f"{text}: {', '.join(names)}")
    return 1 if failed or missed else 0


def promised(document: dict[str, Any]) -> list[Figure]:
    """The figures of one benchmark that have a target."""
    return [
        Figure(f["what"], f["value"], f["unit"], tuple(f["target"]), f["note"])
        for f in document["figures"]
        if f["target"]
    ]


if __name__ == "__main__":
    sys.exit(main())
