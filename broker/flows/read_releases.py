"""The journal is read once from its beginning: decided releases are counted by day and route, those drawn go into the
auditors' queue, and days that are over are closed with their seed (specs/sampling.md 3).

Nothing of this runs where releases are made. Position, counts and samples are one transaction, so each entry is read
exactly once, whatever breaks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from broker.core.flow_summary import FlowCounts
from broker.core.governance.calendar import shanghai_date
from broker.core.sample import Sample
from broker.core.sampling import (
    CLOSE_AFTER,
    CLOSED,
    Rates,
    commitment,
    day_of,
    digest_of,
    ends,
    is_decided,
    is_sampled,
    seed_name,
)
from broker.flows.commit_sampling import give_up, standing
from broker.flows.ports import BeginWork, Entry, KeyStore, Work
from broker.flows.ports.samples import DayState, PlacedEntry, SamplingDay
from broker.wire.keys import Entropy

BATCH: Final = 2000
MOST_BATCHES: Final = 25
"""As many in one go; the rest when it is asked again."""


def read_releases(
    begin: BeginWork, *, keys: KeyStore, rates: Rates, at: datetime, entropy: Entropy, batch: int = BATCH
) -> int:
    """Read what was not read yet, at most MOST_BATCHES; returns how many entries. Whoever comes while another reads
    does nothing. `rates`: by which releases of a day without its own are sorted into strata.
    """
    total = 0
    for _ in range(MOST_BATCHES):
        with begin() as work:
            read = _read(work, keys, rates, at=at, entropy=entropy, batch=batch)
            over = [] if read is None or read == batch else _close(work, keys, at=at, entropy=entropy)
        for day in over:
            keys.destroy(seed_name(day))  # it is public by now
        total += read or 0
        if read is None or read < batch:
            break
    return total


@dataclass
class _Drawing:
    """The days met in one transaction, each settled once, with its seed."""

    work: Work
    keys: KeyStore
    rates: Rates
    at: datetime
    entropy: Entropy
    began: date | None
    known: dict[date, tuple[SamplingDay, bytes | None]] = field(default_factory=dict)

    def day(self, day: date) -> tuple[SamplingDay, bytes | None]:
        if day not in self.known:
            self.known[day] = self._settled(day)
        return self.known[day]

    def _settled(self, day: date) -> tuple[SamplingDay, bytes | None]:
        found = standing(self.work, day, at=self.at, entropy=self.entropy)
        if found.state is not DayState.RUNNING:
            return found, None
        seed = _seed(self.keys, found)
        if seed is None:
            found = give_up(self.work, found, at=self.at, entropy=self.entropy)
        return found, seed

    def draw(self, placed: PlacedEntry) -> Sample | None:
        """The sample, if this release is to be looked at."""
        name = day_of(placed.entry.hour)
        if self.began is None or name < self.began:
            return None
        day, seed = self.day(name)
        rates = day.rates or self.rates
        stratum = rates.stratum(placed.entry.clear)
        if seed is not None and not is_sampled(seed, placed.leaf, rates.of(stratum)):
            return None
        hour = datetime.fromtimestamp(placed.entry.hour, UTC)
        late = day.state is DayState.CLOSED
        return Sample(placed.leaf, placed.position, name, hour, placed.entry.kind, stratum, late)


def _read(work: Work, keys: KeyStore, rates: Rates, *, at: datetime, entropy: Entropy, batch: int) -> int | None:
    position = work.release_flows.lock_position()
    if position is None:
        return None
    entries = work.release_flows.read(position, limit=batch)
    counts, samples, decided = FlowCounts(), list[Sample](), Counter[date]()
    drawing = _Drawing(work, keys, rates, at, entropy, work.samples.first_day())
    for placed in entries:
        if is_decided(placed.entry.clear):
            day = day_of(placed.entry.hour)
            counts.add(day, placed.entry.clear)
            decided[day] += 1
            drawn = drawing.draw(placed)
            if drawn is not None:
                samples.append(drawn)
    work.release_flows.add(counts.flows())
    work.samples.add(samples)
    for day, number in decided.items():
        work.samples.count(day, decided=number)
    if entries:
        work.release_flows.advance(position + len(entries))
    return len(entries)


def _close(work: Work, keys: KeyStore, *, at: datetime, entropy: Entropy) -> list[date]:
    """Close every day that is over, now that all of the journal was read; returns those whose seed was revealed."""
    size = work.release_flows.lock_position()
    closed: list[date] = []
    for day in _over(work, at):
        settled = standing(work, day.day, at=at, entropy=entropy)
        seed = _seed(keys, settled) if settled.state is DayState.RUNNING else None
        if settled.state is DayState.RUNNING and seed is None:
            settled = give_up(work, settled, at=at, entropy=entropy)
        drawn = work.samples.drawn(day.day, size=size or 0)
        over = replace(
            settled, state=DayState.CLOSED, size=size, sampled=len(drawn), digest=digest_of(drawn), seed=seed
        )
        work.samples.change_day(over)
        clear: dict[str, Any] = {"day": day.day.isoformat(), "size": size, "decided": over.decided}
        clear |= {"sampled": over.sampled, "digest": digest_of(drawn).hex()}
        if seed is not None:
            clear["seed"] = seed.hex()
            closed.append(day.day)
        work.journal.append(Entry(CLOSED, clear), at=at, entropy=entropy)
    return closed


def _over(work: Work, at: datetime) -> Sequence[SamplingDay]:
    today = shanghai_date(at)
    return [day for day in work.samples.due(today) if at >= ends(day.day) + CLOSE_AFTER]


def _seed(keys: KeyStore, day: SamplingDay) -> bytes | None:
    """The seed that was committed to; None when it is gone."""
    try:
        seed = keys.key(seed_name(day.day))
    except LookupError:
        return None
    return seed if commitment(seed) == day.commitment else None
