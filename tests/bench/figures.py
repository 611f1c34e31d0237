"""Measured figures: a table on the screen, JSON in out/bench, and each target beside what was measured."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

OUT = Path("out/bench")
SKIPPED = 77
"""Exit code of a benchmark whose data is not on this machine (the convention of Automake's test driver)."""


@dataclass(frozen=True)
class Figure:
    """One measured value; `target` is (relation, bound) where the project promises something, relation "<=" or ">="."""

    what: str
    value: float
    unit: str
    target: tuple[str, float] | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        if self.target is None:
            return None
        relation, bound = self.target
        return self.value <= bound if relation == "<=" else self.value >= bound


def percentile(values: Sequence[float], q: float) -> float:
    """Nearest-rank percentile, `q` in (0, 100]."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * q // 100))
    return ordered[int(rank) - 1]


class Figures:
    """The figures of one benchmark."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[Figure] = []

    def add(
        self, what: str, value: float, unit: str, *, target: tuple[str, float] | None = None, note: str = ""
    ) -> None:
        self.rows.append(Figure(what, value, unit, target, note))

    def add_latencies(
        self, what: str, milliseconds: Sequence[float], *, targets: dict[int, float] | None = None
    ) -> None:
        """p50, p95 and p99 of a stage; `targets` maps a percentile to its bound in milliseconds."""
        for q in (50, 95, 99):
            bound = (targets or {}).get(q)
            target = ("<=", bound) if bound is not None else None
            self.add(f"{what} p{q}", percentile(milliseconds, q), "ms", target=target, note=f"n={len(milliseconds)}")

    def write(self) -> None:
        """Print the table and write `out/bench/<name>.json`."""
        OUT.mkdir(parents=True, exist_ok=True)
        document = {
            "name": self.name,
            "machine": {"python": platform.python_version(), "machine": platform.machine()},
            "figures": [{**asdict(row), "holds": row.holds} for row in self.rows],
        }
        (OUT / f"{self.name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        Console(width=120).print(table(self.name, self.rows))


def table(title: str, rows: Sequence[Figure]) -> Table:
    """The figures as a table; a target that is missed is said in words, not by colour alone."""
    view = Table(title=title, title_justify="left")
    view.add_column("what")
    view.add_column("measured", justify="right")
    view.add_column("target", justify="right")
    view.add_column("")
    view.add_column("note", style="dim")
    for row in rows:
        target = f"{row.target[0]} {row.target[1]:g}" if row.target else ""
        verdict = {None: "", True: "[green]holds[/]", False: "[bold red]missed[/]"}[row.holds]
        view.add_row(row.what, f"{row.value:,.4g} {row.unit}", target, verdict, row.note)
    return view
