"""Charts of the regulator's console: columns of days and bars against thresholds. Pure geometry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, log10
from typing import Final

from broker.core.alarm import Reading
from broker.core.flow_summary import UNKNOWN, Flow, by
from broker.core.governance.codes import Band
from broker.web.console_words import counter_words, rule_words

BANDS: Final = (Band.GREEN.value, Band.AMBER.value, Band.RED.value, UNKNOWN)
CHART_WIDTH: Final = 720
CHART_HEIGHT: Final = 260
LEFT: Final = 56
RIGHT: Final = 20
TOP: Final = 12
BOTTOM: Final = 34
_LABELS: Final = 8

BAR_WIDTH: Final = 400
_FULL: Final = 360.0  # where 100 % lies


@dataclass(frozen=True, slots=True)
class Block:
    band: str
    releases: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DayColumn:
    """`label`: said beneath, "" for most days of a long time."""

    day: date
    x: float
    width: float
    label: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """`ticks`: (height in the picture, number)."""

    days: tuple[DayColumn, ...]
    ticks: tuple[tuple[float, int], ...]
    total: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Mark:
    percent: int
    x: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One counter against one threshold. `length` ends at the frame, however far above 100 % the count is; `state`:
    "calm", "near" (70), "close" (85), "edge" (95) or "over" (100).
    """

    counter: str
    threshold: str
    count: int
    limit: int
    percent: float
    length: float
    state: str
    marks: tuple[Mark, ...]
    next_at: int | None

    @property
    def counted(self) -> str:
        """What is counted, in words."""
        return counter_words(self.counter)

    @property
    def rule(self) -> str:
        """What happens at the threshold, in words."""
        return rule_words(self.threshold)


_STATES: Final = ((100, "over"), (95, "edge"), (85, "close"), (70, "near"))


def columns_of(flows: Sequence[Flow], first: date, last: date) -> Columns:
    """Releases by day and band, every day from `first` to `last`."""
    sums = by(flows, "day", "band")
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    highest = max((sum(sums.get((day.isoformat(), band), 0) for band in BANDS) for day in days), default=0)
    step = _step(highest)
    top = max(step, ceil(highest / step) * step)
    scale = (CHART_HEIGHT - TOP - BOTTOM) / top
    slot = (CHART_WIDTH - LEFT - RIGHT) / len(days)
    floor = CHART_HEIGHT - BOTTOM
    every = max(1, ceil(len(days) / _LABELS))
    made = []
    for place, day in enumerate(days):
        blocks, y = [], float(floor)
        for band in BANDS:
            releases = sums.get((day.isoformat(), band), 0)
            if releases:
                height = releases * scale
                y -= height
                blocks.append(Block(band, releases, round(y, 2), round(height, 2)))
        label = f"{day.day} {day:%b}" if (len(days) - 1 - place) % every == 0 else ""
        x, width = LEFT + place * slot + slot * 0.12, slot * 0.76
        made.append(DayColumn(day, round(x, 2), round(width, 2), label, tuple(blocks)))
    ticks = tuple((round(floor - number * scale, 2), number) for number in range(0, top + 1, step))
    totals = {band: sum(sums.get((day.isoformat(), band), 0) for day in days) for band in BANDS}
    return Columns(tuple(made), ticks, totals)


def bars_of(readings: Sequence[Reading]) -> tuple[Bar, ...]:
    """One bar for each counter and threshold, the fullest first."""
    made = [
        _bar(reading.counter, threshold.name, reading.count, threshold.limit, threshold.levels)
        for reading in readings
        for threshold in reading.thresholds
    ]
    return tuple(sorted(made, key=lambda bar: (-bar.percent, bar.counter, bar.threshold)))


def _bar(counter: str, threshold: str, count: int, limit: int, levels: Sequence[int]) -> Bar:
    marks = tuple(Mark(level, round(_FULL * level / 100, 1), count * 100 >= limit * level) for level in sorted(levels))
    state = next((name for level, name in _STATES if count * 100 >= limit * level), "calm")
    ahead = [-(-limit * mark.percent // 100) for mark in marks if not mark.reached]
    return Bar(
        counter,
        threshold,
        count,
        limit,
        count * 100 / limit,
        round(min(BAR_WIDTH, _FULL * count / limit), 1),
        state,
        marks,
        ahead[0] if ahead else None,
    )


def _step(highest: int) -> int:
    """A round distance between about four lines."""
    if highest <= 4:
        return 1
    rough = highest / 4
    power = 10 ** int(log10(rough))
    return int(next(n * power for n in (1, 2, 5, 10) if n * power >= rough))
