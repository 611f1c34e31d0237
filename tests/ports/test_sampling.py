"""Sampling over a real database: seeds committed before their day, releases read once, days closed and drawn again."""

import os
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from broker.core.sample import SampleState
from broker.core.sampling import CLOSED, MISSING, commitment, is_sampled, seed_name
from broker.flows.commit_sampling import commit_sampling
from broker.flows.ports.samples import DayState
from broker.flows.read_releases import read_releases
from broker.stores.database import Database
from broker.stores.release_flows import SqlReleaseFlows
from tests.support.audited_world import AuditedWorld, decided

FIRST = date(2026, 11, 20)
DAY = date(2026, 11, 21)
# 21 November begins in Shanghai when it is 16:00 of the 20th in UTC.
MIDNIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)


@pytest.fixture
def audited(database: Database) -> AuditedWorld:
    """A broker that began in the morning of FIRST in Shanghai."""
    made = AuditedWorld(database, MIDNIGHT - timedelta(hours=14))
    made.keep_house()
    return made


def state(audited: AuditedWorld, day: date) -> DayState:
    with audited.begin() as work:
        found = work.samples.day(day)
    assert found is not None
    return found.state


def listed(audited: AuditedWorld, day: date) -> set[bytes]:
    with audited.begin() as work:
        return {sample.release for sample in work.samples.listed(day=day, limit=10_000)}


def test_a_day_is_drawn_by_the_seed_that_was_committed_to_before_it(audited: AuditedWorld) -> None:
    audited.go_to(MIDNIGHT + timedelta(hours=3))
    seed = audited.keys.key(seed_name(DAY))
    leaves = audited.release(120) + audited.release(60, decided("amber")) + audited.release(3, decided("red", "hold"))
    audited.release(5, {"zone": "HK-SZB"})  # nothing was decided
    audited.place()
    audited.keep_house(batch=50)
    parts = [100] * 120 + [1000] * 60 + [10_000] * 3
    expected = {leaf for leaf, part in zip(leaves, parts, strict=True) if is_sampled(seed, leaf, part)}
    assert listed(audited, DAY) == expected
    assert set(leaves[-3:]) <= expected
    audited.go_to(MIDNIGHT + timedelta(days=1, hours=2))
    (day,) = [check for check in audited.check()[0] if check.day == DAY]
    assert (day.faults, day.full, day.decided, set(day.sample)) == ([], False, 183, expected)
    (told,) = [clear for kind, clear in audited.kinds(CLOSED) if clear["day"] == DAY.isoformat()]
    assert bytes.fromhex(told["seed"]) == seed
    with pytest.raises(LookupError):
        audited.keys.key(seed_name(DAY))


def test_the_seed_is_not_in_the_database_before_its_day_is_over(audited: AuditedWorld) -> None:
    audited.go_to(MIDNIGHT + timedelta(days=1, minutes=30))  # within the hour that late entries have
    with audited.begin() as work:
        day = work.samples.day(DAY)
    assert day is not None
    assert (day.state, day.seed) == (DayState.RUNNING, None)
    assert day.commitment == commitment(audited.keys.key(seed_name(DAY)))
    assert not [clear for _, clear in audited.kinds(CLOSED) if clear["day"] == DAY.isoformat()]


def test_the_first_day_has_no_commitment_and_is_looked_at_whole(audited: AuditedWorld) -> None:
    leaves = audited.release(40)
    audited.place()
    audited.keep_house()
    assert listed(audited, FIRST) == set(leaves)
    assert audited.kinds(MISSING) == [(MISSING, {"day": FIRST.isoformat(), "why": "none"})]


def test_releases_from_before_sampling_began_are_counted_and_not_drawn(database: Database) -> None:
    audited = AuditedWorld(database, MIDNIGHT - timedelta(days=3))
    audited.release(7)
    audited.at = MIDNIGHT - timedelta(hours=14)
    audited.keep_house()
    assert not listed(audited, DAY - timedelta(days=3))
    with audited.begin() as work:
        (flow,) = work.release_flows.between(date(2026, 11, 1), FIRST)
    assert (flow.releases, flow.score_sum, flow.key.origin) == (7, 280, "CN")
    assert audited.check() == ([], [])


@pytest.mark.parametrize(("seconds", "expected"), [(-1, DayState.RUNNING), (0, DayState.MISSING)])
def test_what_binds_is_a_checkpoint_from_before_midnight_in_shanghai(
    database: Database, seconds: int, expected: DayState
) -> None:
    audited = AuditedWorld(database, MIDNIGHT - timedelta(minutes=5))
    with audited.begin() as work:
        commit_sampling(work, keys=audited.keys, rates=audited.rates, at=audited.at, entropy=os.urandom)
    audited.at = MIDNIGHT + timedelta(seconds=seconds)  # only now does the commitment get its place
    audited.place()
    audited.at = MIDNIGHT + timedelta(hours=1)
    audited.release(30)
    audited.place()
    audited.keep_house()
    assert state(audited, DAY) is expected
    assert (len(listed(audited, DAY)) == 30) is (expected is DayState.MISSING)
    audited.go_to(MIDNIGHT + timedelta(days=1, hours=2))
    (day,) = [check for check in audited.check()[0] if check.day == DAY]
    assert (day.full, day.faults) == (expected is DayState.MISSING, [])


def test_a_broker_that_slept_over_the_days_it_had_committed_to_looks_at_everything(audited: AuditedWorld) -> None:
    audited.at = MIDNIGHT + timedelta(days=3, hours=1)
    leaves = audited.release(25)
    audited.place()
    audited.keep_house()
    assert listed(audited, DAY + timedelta(days=3)) == set(leaves)
    audited.keep_house()
    assert not [check for check in audited.check()[0] if check.faults]


def test_what_comes_after_a_day_was_closed_is_looked_at_whatever_its_band(audited: AuditedWorld) -> None:
    audited.go_to(MIDNIGHT + timedelta(hours=3))
    audited.release(20)
    audited.place()
    audited.go_to(MIDNIGHT + timedelta(days=1, hours=2))
    before = listed(audited, DAY)
    audited.at = MIDNIGHT + timedelta(hours=20)
    late = audited.release(2)
    audited.at = MIDNIGHT + timedelta(days=1, hours=3)
    audited.place()
    audited.keep_house()
    assert listed(audited, DAY) == before | set(late)
    (day,) = [check for check in audited.check()[0] if check.day == DAY]
    assert (day.late, day.faults, set(day.sample)) == (2, [], before | set(late))


def test_a_lost_seed_draws_everything_from_then_on_and_is_a_fault(audited: AuditedWorld) -> None:
    audited.go_to(MIDNIGHT + timedelta(hours=3))
    audited.keys.destroy(seed_name(DAY))
    leaves = audited.release(20)
    audited.place()
    audited.go_to(MIDNIGHT + timedelta(days=1, hours=2))
    assert listed(audited, DAY) == set(leaves)
    (day,) = [check for check in audited.check()[0] if check.day == DAY]
    assert "not revealed" in day.faults[0]


def test_two_readers_at_once_count_each_release_once(audited: AuditedWorld) -> None:
    audited.release(400)
    audited.place()
    together = threading.Barrier(2)

    def read() -> None:
        together.wait()
        for _ in range(4):
            read_releases(
                audited.begin, keys=audited.keys, rates=audited.rates, at=audited.at, entropy=os.urandom, batch=40
            )

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    audited.keep_house()
    with audited.begin() as work:
        assert sum(flow.releases for flow in work.release_flows.between(FIRST, DAY)) == 400
        assert sum(work.samples.tally().values()) == 400


def test_a_reader_that_fails_leaves_nothing_behind(audited: AuditedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    audited.release(10)
    audited.place()
    with monkeypatch.context() as broken:
        broken.setattr(SqlReleaseFlows, "advance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            audited.keep_house()
    audited.keep_house()
    with audited.begin() as work:
        assert [flow.releases for flow in work.release_flows.between(FIRST, DAY)] == [10]
        assert work.samples.tally() == {(SampleState.WAITING, ""): 10}
