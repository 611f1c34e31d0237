"""Aggregation alarms: a counter nears a threshold (specs/alarms.md). Counts and thresholds only, never a person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

REACHED: Final = 100


@dataclass(frozen=True, slots=True)
class Threshold:
    """`limit`: the count at which something changes (an "above n" is limit n + 1). `levels`: percentages, ascending."""

    name: str
    limit: int
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A counter as it stands. `counter` names it without persons, as "sensitive/tongguan/CN"; `year`: Shanghai's."""

    year: int
    counter: str
    count: int
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Raised once for each (year, counter, threshold, level). `count`: when it was seen, at least the level's."""

    year: int
    counter: str
    threshold: str
    limit: int
    level: int
    count: int


def alarms_at(before: int, after: int, thresholds: Iterable[Threshold]) -> list[tuple[Threshold, int]]:
    """Each threshold with each of its levels that lies above `before` and not above `after`, lowest level first.

    Exact: a level of 70 % of 10,000 is passed by the 7,000th person, and 70 % of 1,001 by the 701st.
    """
    return [
        (threshold, level)
        for threshold in thresholds
        for level in threshold.levels
        if before * REACHED < threshold.limit * level <= after * REACHED
    ]


def alarms_of(readings: Iterable[Reading]) -> Sequence[Alarm]:
    """Every level that the counters have passed, raised before or not."""
    return [
        Alarm(reading.year, reading.counter, threshold.name, threshold.limit, level, reading.count)
        for reading in readings
        for threshold, level in alarms_at(0, reading.count, reading.thresholds)
    ]
