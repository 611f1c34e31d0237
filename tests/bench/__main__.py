"""`make bench`: every benchmark in turn, each in its own process (so is its memory), then one summary."""

from __future__ import annotations

import json
import subprocess
import sys

from rich.console import Console

from tests.bench.figures import OUT, Figure, table

BENCHES = ("qr_verify", "face_latency", "gate_latency", "journal_rate", "broker_rates", "face_accuracy", "qr_grid")


def main() -> int:
    console = Console(width=120)
    failed: list[str] = []
    for name in BENCHES:
        console.rule(name)
        (OUT / f"{name}.json").unlink(missing_ok=True)
        if subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode != 0:
            failed.append(name)
    rows = [
        Figure(f["what"], f["value"], f["unit"], tuple(f["target"]), f["note"])
        for name in BENCHES
        if (OUT / f"{name}.json").exists()
        for f in json.loads((OUT / f"{name}.json").read_text(encoding="utf-8"))["figures"]
        if f["target"]
    ]
    console.print(table("Targets", rows))
    missed = [row.what for row in rows if not row.holds]
    console.print(
        f"{len(rows) - len(missed)} of {len(rows)} targets hold" + (f"; missed: {', '.join(missed)}" if missed else "")
    )
    if failed:
        console.print(f"did not finish: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
