"""A seed is drawn for each day to come, and its hash journalled before that day begins (specs/sampling.md 2)."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from broker.core.governance.calendar import shanghai_date
from broker.core.sampling import AHEAD, COMMITTED, MISSING, Rates, Why, commitment, in_time, seed_name
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.ports.samples import DayState, SamplingDay
from broker.wire.keys import Entropy


def commit_sampling(work: Work, *, keys: KeyStore, rates: Rates, at: datetime, entropy: Entropy) -> None:
    """See to it that today has its row and that the days ahead have a seed committed to. Safe to repeat, and to run
    twice at once.
    """
    today = shanghai_date(at)
    standing(work, today, at=at, entropy=entropy)
    for ahead in range(1, AHEAD + 1):
        _commit(work, keys, rates, today + timedelta(days=ahead), at=at, entropy=entropy)


def standing(work: Work, day: date, *, at: datetime, entropy: Entropy) -> SamplingDay:
    """Where a day that has begun stands. Without a commitment that binds, everything of it is looked at, and the
    journal says so.
    """
    found = work.samples.day(day)
    if found is None:
        found = SamplingDay(day, DayState.MISSING, why=Why.NONE)
        if not work.samples.open_day(found):
            found = work.samples.day(day) or found
        else:
            _say_missing(work, found, at=at, entropy=entropy)
    if found.state is not DayState.COMMITTED:
        return found
    # What binds is what anybody can see: a checkpoint over the commitment, signed before the day began.
    covered = None if found.committed is None else work.samples.covered_at(found.committed)
    if in_time(day, covered):
        settled = replace(found, state=DayState.RUNNING)
    else:
        settled = replace(found, state=DayState.MISSING, why=Why.LATE)
        _say_missing(work, settled, at=at, entropy=entropy)
    work.samples.change_day(settled)
    return settled


def give_up(work: Work, day: SamplingDay, *, at: datetime, entropy: Entropy) -> SamplingDay:
    """The seed of a running day is gone: from here on everything of it is looked at."""
    given_up = replace(day, state=DayState.MISSING, why=Why.LOST)
    work.samples.change_day(given_up)
    _say_missing(work, given_up, at=at, entropy=entropy)
    return given_up


def _commit(work: Work, keys: KeyStore, rates: Rates, day: date, *, at: datetime, entropy: Entropy) -> None:
    if work.samples.day(day) is not None:
        return
    # A seed left behind by a run that did not commit is as good as a new one: nobody has seen it.
    keys.create(seed_name(day))
    committed = SamplingDay(day, DayState.COMMITTED, commitment(keys.key(seed_name(day))), rates=rates)
    if committed.commitment is None or not work.samples.open_day(committed):
        return
    clear = {"day": day.isoformat(), "commitment": committed.commitment.hex(), "rates": rates.model_dump()}
    leaf = work.journal.append(Entry(COMMITTED, clear), at=at, entropy=entropy)
    work.samples.change_day(replace(committed, committed=leaf))


def _say_missing(work: Work, day: SamplingDay, *, at: datetime, entropy: Entropy) -> None:
    clear = {"day": day.day.isoformat(), "why": (day.why or Why.NONE).value}
    work.journal.append(Entry(MISSING, clear), at=at, entropy=entropy)
