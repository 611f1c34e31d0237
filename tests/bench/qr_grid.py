"""Read rate of the travel codes over blur, tilt and noise, through the gate's own reader.

    python -m tests.bench.qr_grid [--repeat 10] [--processes N] [--out out/bench]

Prints the curve and writes qr_grid.json and qr_grid.png. The stated grid is every combination of GRID below at each
width of the code in the frame (quiet zone of four modules included); rates over it are given with a 95 % Wilson
interval. It stands for one frame of a lit lane: a phone's bright screen keeps noise low, and a focus or motion blur of
sigma 1.5 pixels is already a third of a module of the larger code at 500 pixels. What lies beyond shows where reading
ends. How a frame is made: tests/support/qr_image.py.

The reader's sharpening was chosen on other seeds than the one used here (101 to 103, 404, 405; this is 1).
What a frame without any code costs is measured too, a lane looks at little else; and one made to be slow.
"""

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from broker.wire.errors import DecodeError
from gate_client.devices.code_reader import ZxingReader
from tests.bench.figures import Figures
from tests.support.qr_image import HD, photograph, qr_modules, qr_version
from tests.vectors import world as w

WIDTHS = (400, 500, 600, 700)
# The first grid chosen, and the one that is held to: it is not narrowed to what reads well.
BLURS, BLURS_BEYOND = (0.0, 0.5, 1.0, 1.5, 2.0), (2.5,)
TILTS = (0.0, 15.0, 30.0)
NOISES, NOISES_BEYOND = (0.0, 4.0, 8.0, 16.0), (24.0,)
GRID = f"blur sigma {BLURS} px x tilt {TILTS} degrees x noise sigma {NOISES} of 255, roll within 8 degrees"
TARGET, FROM_WIDTH = 0.99, 500
EMPTY_FRAMES, FRAME_MS = 200, 33.0  # a camera gives thirty frames a second


@dataclass(frozen=True)
class Cell:
    """One point of the grid."""

    kind: str
    width: int
    blur: float
    tilt: float
    noise: float


@dataclass(frozen=True)
class Result:
    """How often the code was read at that point, and how long a reading took (ms, each)."""

    cell: Cell
    shown: int
    read: int
    wrong: int
    milliseconds: tuple[float, ...]


@cache
def code(kind: str) -> tuple[str, NDArray[np.uint8]]:
    """Return text and modules of the `online` or `offline` code."""
    text = (w.qr() if kind == "online" else w.qr(w.OFFLINE)).to_text()
    return text, qr_modules(text)


def measure(cell: Cell, repeat: int, seed: int) -> Result:
    """Photograph and read one code `repeat` times."""
    rng, reader = np.random.default_rng([seed, *_numbers(cell)]), ZxingReader()
    text, modules = code(cell.kind)
    read, wrong, times = 0, 0, []
    for _ in range(repeat):
        frame = photograph(modules, cell.width, blur=cell.blur, tilt=cell.tilt, noise=cell.noise, rng=rng)
        picture = _coloured(frame)
        start = time.perf_counter()
        try:
            found = reader.read(picture)
        except DecodeError:
            found = None
        times.append((time.perf_counter() - start) * 1000)
        read += found == text
        wrong += found is not None and found != text
    return Result(cell, repeat, read, wrong, tuple(times))


def _coloured(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def _numbers(cell: Cell) -> list[int]:
    return [len(cell.kind), cell.width, *(int(value * 10) for value in (cell.blur, cell.tilt, cell.noise))]


def wilson(read: int, shown: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a rate."""
    z, rate = 1.959964, read / shown
    middle, spread = rate + z * z / (2 * shown), z * ((rate * (1 - rate) + z * z / (4 * shown)) / shown) ** 0.5
    return (middle - spread) / (1 + z * z / shown), (middle + spread) / (1 + z * z / shown)


def run(repeat: int, processes: int, seed: int) -> list[Result]:
    """Measure every cell, with a line of progress."""
    axes = (("online", "offline"), WIDTHS, BLURS + BLURS_BEYOND, TILTS, NOISES + NOISES_BEYOND)
    cells = [Cell(*point) for point in itertools.product(*axes)]
    results = []
    with ProcessPoolExecutor(processes) as pool:
        jobs = pool.map(measure, cells, itertools.repeat(repeat), itertools.repeat(seed), chunksize=4)
        for number, result in enumerate(jobs, 1):
            results.append(result)
            if sys.stderr.isatty() or number % 72 == 0:
                sys.stderr.write(f"\rpoint {number} of {len(cells)} ")
    sys.stderr.write("\n")
    return results


def rate(results: Iterable[Result]) -> float:
    chosen = list(results)
    return sum(result.read for result in chosen) / sum(result.shown for result in chosen)


def summary(results: list[Result]) -> list[dict[str, Any]]:
    """Return one row per code and width: rate over the stated grid, its interval, the rate by blur, and beyond it."""
    rows = []
    for kind, width in itertools.product(("online", "offline"), WIDTHS):
        mine = [result for result in results if (result.cell.kind, result.cell.width) == (kind, width)]
        quiet = [result for result in mine if result.cell.noise in NOISES]
        stated = [result for result in quiet if result.cell.blur in BLURS]
        noisy = [result for result in mine if result.cell.blur in BLURS and result.cell.noise in NOISES_BEYOND]
        by_blur = {
            str(blur): round(rate(result for result in quiet if result.cell.blur == blur), 4)
            for blur in BLURS + BLURS_BEYOND
        }
        read, shown = sum(result.read for result in stated), sum(result.shown for result in stated)
        times = np.concatenate([result.milliseconds for result in stated])
        rows.append(
            {
                "code": kind,
                "version": qr_version(code(kind)[0]),
                "width_px": width,
                "shown": shown,
                "read": read,
                "wrong": sum(result.wrong for result in mine),
                "rate": round(read / shown, 4),
                "interval": [round(bound, 4) for bound in wilson(read, shown)],
                "rate_by_blur": by_blur,
                "rate_noise_beyond": round(rate(noisy), 4),
                "milliseconds": {name: round(float(np.percentile(times, q)), 1) for name, q in PERCENTILES.items()},
            }
        )
    return rows


PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


def show(rows: list[dict[str, Any]]) -> None:
    print(f"stated grid: {GRID}; in brackets: beyond it")
    heads = [f"b{blur}" for blur in BLURS] + [f"(b{blur})" for blur in BLURS_BEYOND] + [f"(n{NOISES_BEYOND[0]})"]
    print(
        f"{'code':8} {'ver':>3} {'px':>4} {'rate':>7} {'95 % interval':>17} {'ms p50/p99':>11} ", *map(_column, heads)
    )
    for row in rows:
        low, high = row["interval"]
        times = f"{row['milliseconds']['p50']:.0f}/{row['milliseconds']['p99']:.0f}"
        rates = [f"{value:.3f}" for value in (*row["rate_by_blur"].values(), row["rate_noise_beyond"])]
        print(
            f"{row['code']:8} {row['version']:>3} {row['width_px']:>4} {row['rate']:>7.4f}",
            f"[{low:.4f}, {high:.4f}] {times:>11} ",
            *map(_column, rates),
        )


def _column(text: str) -> str:
    return f"{text:>7}"


def without_a_code(seed: int) -> dict[str, list[float]]:
    """Return milliseconds a frame, by what the frame shows: no code, and as many finder patterns as fit."""
    rng, reader = np.random.default_rng([seed, 0]), ZxingReader()
    walls = [rng.normal(110, noise, HD[0]) for noise in NOISES for _ in range(EMPTY_FRAMES // len(NOISES))]
    finder = np.pad(np.pad(np.pad(np.zeros((3, 3)), 1, constant_values=255), 1), 1, constant_values=255)
    tiled = np.tile(np.kron(finder, np.ones((2, 2))), (HD[0][0] // 18 + 1, HD[0][1] // 18 + 1))
    finders = tiled[: HD[0][0], : HD[0][1]]
    shown = {"frame without a code, noise as in the grid": walls, "frame full of finder patterns": [finders] * 20}
    return {what: [_refused(reader, frame) for frame in frames] for what, frames in shown.items()}


def _refused(reader: ZxingReader, frame: NDArray[np.float64]) -> float:
    picture = _coloured(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
    start = time.perf_counter()
    with suppress(DecodeError):
        raise AssertionError(reader.read(picture))
    return (time.perf_counter() - start) * 1000


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the curves: read rate against blur, one line a width, one panel a code."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    for panel, kind in zip(panels, ("online", "offline"), strict=True):
        mine = [row for row in rows if row["code"] == kind]
        for row in mine:
            blurs = [float(blur) for blur in row["rate_by_blur"]]
            panel.plot(blurs, list(row["rate_by_blur"].values()), marker="o", label=f"{row['width_px']} px")
        panel.axvspan(max(BLURS), max(BLURS_BEYOND) + 0.1, color="0.92", label="beyond the stated grid")
        panel.axhline(TARGET, color="0.6", linewidth=0.8, linestyle="--")
        panel.set(title=f"{kind} code, version {mine[0]['version']}, level M", xlabel="blur, sigma in pixels")
        panel.legend(fontsize=8, loc="lower left")
    panels[0].set(ylabel="read rate over tilt and noise", ylim=(-0.02, 1.03))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description="read rate of travel codes")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args()
    rows = summary(run(options.repeat, options.processes, options.seed))
    show(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    report = {"grid": GRID, "repeat": options.repeat, "seed": options.seed, "rows": rows}
    (options.out / "qr_grid_cells.json").write_text(json.dumps(report, indent=1) + "\n")
    draw(rows, options.out / "qr_grid.png")
    figures = Figures("qr_grid")
    for row in rows:
        target = (">=", TARGET) if row["width_px"] >= FROM_WIDTH else None
        what = f"read rate, {row['code']} code (version {row['version']}) at {row['width_px']} px"
        figures.add(what, row["rate"], "", target=target, note=f"n={row['shown']}")
    for what, milliseconds in without_a_code(options.seed).items():
        figures.add_latencies(what, milliseconds, targets={99: FRAME_MS} if "without" in what else None)
    figures.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
