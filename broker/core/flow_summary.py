"""Releases counted by day and route, from the clear part of their journal entries (specs/console.md 3)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from broker.core.governance.codes import Band, Gate, Mechanism

UNKNOWN: Final = "unknown"
_PLACE = re.compile(r"[A-Z][A-Z0-9-]{1,7}")
_MAX_SCORE = 1000


@dataclass(frozen=True, slots=True, order=True)
class FlowKey:
    """What decided releases are counted by. Each member is a word of the rules or "unknown"."""

    day: date
    origin: str
    destination: str
    gate: str
    mechanism: str
    band: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Decided releases of one kind. `releases` counts entries of the journal, not persons."""

    key: FlowKey
    releases: int
    score_sum: int
    score_max: int


class FlowCounts:
    """A tally of decided releases."""

    def __init__(self) -> None:
        self._releases: Counter[FlowKey] = Counter()
        self._sums: Counter[FlowKey] = Counter()
        self._highest: dict[FlowKey, int] = {}

    def add(self, day: date, clear: Mapping[str, Any]) -> None:
        """Count one entry of that day. Whatever is no word of the rules is counted as unknown."""
        key = FlowKey(
            day,
            _place(clear.get("origin")),
            _place(clear.get("destination")),
            _word(clear.get("transfer"), Gate),
            _word(clear.get("mechanism"), Mechanism),
            _word(clear.get("band"), Band),
        )
        said = clear.get("score")
        score = min(max(said, 0), _MAX_SCORE) if isinstance(said, int) else 0
        self._releases[key] += 1
        self._sums[key] += score
        self._highest[key] = max(self._highest.get(key, 0), score)

    def flows(self) -> list[Flow]:
        """The counts, in order."""
        return [Flow(key, self._releases[key], self._sums[key], self._highest[key]) for key in sorted(self._releases)]


def by(flows: Iterable[Flow], *names: str) -> dict[tuple[str, ...], int]:
    """Releases summed by these members of their keys, in order."""
    sums: Counter[tuple[str, ...]] = Counter()
    for flow in flows:
        sums[tuple(str(getattr(flow.key, name)) for name in names)] += flow.releases
    return dict(sorted(sums.items()))


def _place(said: object) -> str:
    return said if isinstance(said, str) and _PLACE.fullmatch(said) else UNKNOWN


def _word(said: object, words: type[Gate] | type[Mechanism] | type[Band]) -> str:
    return said if isinstance(said, str) and said in _values(words) else UNKNOWN


@cache
def _values(words: type[Gate] | type[Mechanism] | type[Band]) -> frozenset[str]:
    return frozenset(word.value for word in words)
