"""Drawing a journal's samples again (specs/sampling.md 5): from its entries and checkpoints alone, whether each day's
seed was committed to in time, and whether what was drawn is what the seed draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from broker.core.journal import JournalEntry
from broker.core.sample import FOUND
from broker.core.sampling import (
    CLOSED,
    COMMITTED,
    MISSING,
    PARTS,
    Rates,
    Why,
    commitment,
    day_of,
    digest_of,
    ends,
    in_time,
    is_decided,
    is_sampled,
)

OVERDUE: Final = timedelta(days=1)
"""How long after its end a day may stay open before that is a fault."""


@dataclass(slots=True)
class DayCheck:
    """One day drawn again.

    `sample`: the leaf hashes to be looked at, in the journal's order; of them `late` came after the day was closed and
    `found` have a finding. `full`: no seed bound this day, so everything is looked at. `faults`: what does not hold.
    """

    day: date
    full: bool
    closed: bool = False
    decided: int = 0
    sample: list[bytes] = field(default_factory=list)
    late: int = 0
    found: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Day:
    """What the journal said of a day so far."""

    name: date
    committed: tuple[bytes, Rates] | None = None
    covered_at: datetime | None = None
    missing: str | None = None
    releases: list[tuple[int, bytes, int]] = field(default_factory=list)  # position, leaf hash, parts of ten thousand
    check: DayCheck | None = None

    @property
    def full(self) -> bool:
        bound = self.committed is not None and in_time(self.name, self.covered_at)
        return not bound or (self.missing is not None and self.missing != Why.LOST)


class SamplingCheck:
    """Feed it a journal in order: every entry, and every checkpoint after the last entry it covers. Memory holds the
    releases of days that are not closed yet.
    """

    def __init__(self) -> None:
        self._days: dict[date, _Day] = {}
        self._uncovered: list[_Day] = []
        self._began: date | None = None
        self._found: set[bytes] = set()
        self._faults: list[str] = []
        self._latest: datetime | None = None

    def entry(self, position: int, leaf: bytes, entry: JournalEntry) -> None:
        """The next entry of the log."""
        try:
            if entry.kind in (COMMITTED, MISSING, CLOSED):
                self._said(entry)
            elif entry.kind == FOUND:
                self._found.add(_hash(entry.clear, "release"))
            elif is_decided(entry.clear):
                self._release(position, leaf, entry)
        except ValueError as error:
            self._faults.append(f"entry {position}: {error}")

    def checkpoint(self, signed_at: datetime) -> None:
        """A checkpoint over all that was fed."""
        self._latest = signed_at
        for day in self._uncovered:
            day.covered_at = signed_at
        self._uncovered.clear()

    def finish(self) -> tuple[list[DayCheck], list[str]]:
        """Every day with releases since sampling began, in order; and faults that belong to none."""
        days = []
        for _, day in sorted(self._days.items()):
            check = day.check or self._still_open(day)
            check.found = len(self._found.intersection(check.sample))
            if check.closed or check.decided or check.faults:
                days.append(check)
        return days, self._faults

    def _said(self, entry: JournalEntry) -> None:
        name = _day(entry.clear)
        if self._began is None:
            self._began = name
        day = self._days.setdefault(name, _Day(name))
        if entry.kind == MISSING:
            day.missing = str(entry.clear.get("why"))
        elif entry.kind == COMMITTED:
            if day.committed is not None:
                raise ValueError(f"a seed for {name} was committed to before")
            day.committed = (_hash(entry.clear, "commitment"), Rates.read(entry.clear.get("rates")))
            self._uncovered.append(day)
        elif day.check is not None:
            raise ValueError(f"{name} was closed before")
        else:
            day.check = _closed(day, entry)
            day.releases = []

    def _release(self, position: int, leaf: bytes, entry: JournalEntry) -> None:
        name = day_of(entry.hour)
        if self._began is None or name < self._began:
            return
        day = self._days.setdefault(name, _Day(name))
        if day.check is not None:
            _late(day.check, leaf)
        else:
            rates = day.committed[1] if day.committed else None
            day.releases.append((position, leaf, PARTS if rates is None else rates.of(rates.stratum(entry.clear))))

    def _still_open(self, day: _Day) -> DayCheck:
        check = DayCheck(day.name, day.full, decided=len(day.releases))
        if day.full:
            check.sample = [leaf for _, leaf, _ in day.releases]
        if day.releases and self._latest is not None and self._latest >= ends(day.name) + OVERDUE:
            check.faults.append("it was never closed: what was drawn was not told, nor the seed")
        return check


def _closed(day: _Day, entry: JournalEntry) -> DayCheck:
    """The day as its closing entry lets it be drawn."""
    check = DayCheck(day.name, day.full, closed=True)
    if datetime.fromtimestamp(entry.hour, UTC) < ends(day.name):
        check.faults.append("it was closed before it had ended: its seed was known while releases were made")
    size = entry.clear.get("size")
    if not isinstance(size, int):
        raise ValueError("the closing entry names no size of the log")  # noqa: TRY004 - bad data, not a bad call
    regular = [(leaf, parts) for position, leaf, parts in day.releases if position < size]
    check.decided = len(regular)
    drawn = _drawn(day, entry, regular, check)
    if drawn is not None:
        check.sample = drawn
        told = (entry.clear.get("decided"), entry.clear.get("sampled"), entry.clear.get("digest"))
        if told != (len(regular), len(drawn), digest_of(drawn).hex()):
            check.faults.append(
                f"{told[1]} of {told[0]} releases were said to be drawn; drawing again gives {len(drawn)} of "
                f"{len(regular)}" + (", others" if told[:2] == (len(regular), len(drawn)) else "")
            )
    for position, leaf, _ in day.releases:
        if position >= size:
            _late(check, leaf)
    return check


def _drawn(day: _Day, entry: JournalEntry, regular: list[tuple[bytes, int]], check: DayCheck) -> list[bytes] | None:
    """The sample by rule; None, with its fault, where the seed is not there or not the one."""
    if check.full or day.committed is None:
        return [leaf for leaf, _ in regular]
    if entry.clear.get("seed") is None:
        check.faults.append("its seed was committed to and not revealed: the sample cannot be drawn again")
        return None
    seed = _hash(entry.clear, "seed")
    if commitment(seed) != day.committed[0]:
        check.faults.append("the seed that was revealed is not the one that was committed to")
        return None
    return [leaf for leaf, parts in regular if is_sampled(seed, leaf, parts)]


def _late(check: DayCheck, leaf: bytes) -> None:
    """Looked at whatever its band: it found its place when the seed was no secret any more."""
    check.late += 1
    check.sample.append(leaf)


def _day(clear: Mapping[str, Any]) -> date:
    said = clear.get("day")
    if not isinstance(said, str):
        raise ValueError("an entry about sampling names no day")  # noqa: TRY004 - bad data, not a bad call
    return date.fromisoformat(said)


def _hash(clear: Mapping[str, Any], name: str) -> bytes:
    """32 bytes, written in hexadecimal."""
    raw = bytes.fromhex(str(clear.get(name)))
    if len(raw) != 32:
        raise ValueError(f"{name} is not 32 bytes")
    return raw
