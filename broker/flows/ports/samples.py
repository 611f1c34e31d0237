"""What is looked at after the fact: the journal read once from its beginning, releases counted, releases drawn."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from broker.core.flow_summary import Flow
from broker.core.journal import JournalEntry
from broker.core.sample import Sample, SampleState
from broker.core.sampling import Rates, Why


class DayState(StrEnum):
    """Where a day's seed stands."""

    COMMITTED = "committed"
    RUNNING = "running"
    """The commitment was in time: the day is drawn from."""
    MISSING = "missing"
    """Nothing binds: everything of that day is looked at."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SamplingDay:
    """A day in Shanghai. `committed`: leaf hash of the entry that commits; `size`: how much of the log it was closed
    over; `seed`: only once it was revealed.
    """

    day: date
    state: DayState
    commitment: bytes | None = None
    committed: bytes | None = None
    rates: Rates | None = None
    why: Why | None = None
    size: int | None = None
    decided: int = 0
    sampled: int = 0
    digest: bytes | None = None
    seed: bytes | None = None


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry in its place in the log."""

    position: int
    leaf: bytes
    entry: JournalEntry


class ReleaseFlows(Protocol):
    """Decided releases by day and route, and how far the journal was read for them."""

    def lock_position(self) -> int | None:
        """The first position that was not read; None while somebody else reads. Locked until the end of the work."""

    def read(self, position: int, *, limit: int) -> Sequence[PlacedEntry]:
        """The entries from there on, in order."""

    def advance(self, position: int) -> None:
        """Everything before it was read."""

    def add(self, flows: Sequence[Flow]) -> None:
        """Add to the counts of their days."""

    def between(self, first: date, last: date) -> Sequence[Flow]:
        """The counts of those days, both included, in order."""

    def log(self, position: int, *, limit: int, size: int) -> Sequence[bytes | str]:
        """The log from that place on, at most `limit` entries (leaves) of the first `size`, each followed by the
        checkpoint (note) that ends with it, if any. Empty at the end.
        """


class SampleRegister(Protocol):
    """Days with their seeds, and what was drawn."""

    def day(self, day: date) -> SamplingDay | None:
        """Where that day stands, locked until the end of the work."""

    def days(self, *, limit: int) -> Sequence[SamplingDay]:
        """The latest days, newest first."""

    def first_day(self) -> date | None:
        """The day sampling began; None before."""

    def due(self, last: date) -> Sequence[SamplingDay]:
        """Days up to that one that are not closed, in order."""

    def open_day(self, day: SamplingDay) -> bool:
        """Enter it; False, and nothing done, when that day is there."""

    def change_day(self, day: SamplingDay) -> None:
        """Its state and everything that goes with it."""

    def count(self, day: date, *, decided: int) -> None:
        """So many more releases of that day were read, unless it is closed."""

    def covered_at(self, leaf: bytes) -> datetime | None:
        """When the first checkpoint over that entry was signed; None while it has no place."""

    def add(self, samples: Sequence[Sample]) -> None:
        """Enter those that are not there yet."""

    def drawn(self, day: date, *, size: int) -> Sequence[bytes]:
        """Leaf hashes of that day's sample among the first `size` entries, in the journal's order."""

    def claim(self, auditor: str, *, release: bytes | None, at: datetime) -> Sample | None:
        """The next that waits, those most worth looking at first, or this very one; None when there is none to have.
        Two who ask at once get two different ones.
        """

    def lock(self, release: bytes) -> Sample | None:
        """One sample, locked until the end of the work."""

    def find(self, release: bytes) -> Sample | None:
        """One sample."""

    def change(self, sample: Sample) -> None:
        """Its state, auditor, finding and times."""

    def listed(
        self, *, states: Collection[SampleState] = (), day: date | None = None, auditor: str | None = None, limit: int
    ) -> Sequence[Sample]:
        """Samples, newest first. Empty `states` means all."""

    def tally(self) -> Mapping[tuple[SampleState, str], int]:
        """How many there are by state and verdict ("" without one)."""

    def entry(self, release: bytes) -> JournalEntry | None:
        """The journal's entry of a release."""

    def person_of(self, release: bytes, hour: datetime) -> UUID | None:
        """Whom an entry of that hour is about; None for nobody, or somebody who was erased."""
