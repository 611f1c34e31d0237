"""How near a count is to a threshold, told without telling the count: the highest warning mark that it has reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

REACHED = 100


@dataclass(frozen=True, slots=True)
class Span:
    """The counts that are told alike: from `low` up to `high`, both included."""

    low: int
    high: int


def percent_reached(count: int, threshold: int, marks: Iterable[int]) -> int:
    """0, one of `marks` (percent) or 100."""
    return max((mark for mark in (*marks, REACHED) if count * REACHED >= threshold * mark), default=0)


def span_of(count: int, thresholds: Sequence[int], marks: Sequence[int]) -> Span:
    """Every count that stands at the same marks of all `thresholds` as `count` does.

    Beyond the last edge nothing changes any more, so there the span is the last edge itself: it tells that it was
    passed, and not by how much.
    """
    edges = sorted({-(-threshold * mark // REACHED) for threshold in thresholds for mark in (*marks, REACHED)})
    low = max((edge for edge in edges if edge <= count), default=0)
    above = [edge for edge in edges if edge > count]
    return Span(low, above[0] - 1 if above else low)
