"""How long a process trusts what it knows of the governed changes."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from broker.core.governed_change import BINDS_AFTER
from broker.core.standing_changes import StandingChanges
from broker.stores.standing_cache import GOOD_FOR, REACHES_BACK, StandingCache

AT = datetime(2026, 11, 22, tzinfo=UTC)


class Asked:
    """A database with a version, and how often it was asked."""

    def __init__(self) -> None:
        self.now, self.number = 100.0, 0
        self.versions, self.loads = 0, list[datetime]()
        self.cache = StandingCache(monotonic=lambda: self.now)

    def version(self) -> int:
        self.versions += 1
        return self.number

    def load(self, since: datetime) -> StandingChanges:
        self.loads.append(since)
        return StandingChanges((), {})

    def standing(self, at: datetime = AT) -> StandingChanges:
        return self.cache.standing(at, version=self.version, load=self.load)


def test_it_leaves_time_to_commit_before_a_change_binds() -> None:
    assert timedelta(seconds=GOOD_FOR) < BINDS_AFTER <= timedelta(seconds=1)


def test_nothing_is_asked_while_it_is_good_and_one_number_afterwards() -> None:
    asked = Asked()
    first = asked.standing()
    for _ in range(1000):
        assert asked.standing() is first
    assert (asked.versions, len(asked.loads)) == (1, 1)
    asked.now += GOOD_FOR - 0.001
    asked.standing()
    assert asked.versions == 1
    asked.now += 0.001
    assert asked.standing() is first
    assert (asked.versions, len(asked.loads)) == (2, 1)


def test_a_change_is_seen_with_the_next_question() -> None:
    asked = Asked()
    first = asked.standing()
    asked.number = 1
    assert asked.standing() is first
    asked.now += GOOD_FOR
    assert asked.standing() is not first
    assert len(asked.loads) == 2


def test_of_many_threads_one_asks() -> None:
    asked = Asked()
    here = Barrier(4)
    answers: list[StandingChanges] = []

    def ask() -> None:
        here.wait(10)
        answers.append(asked.standing())

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len({id(answer) for answer in answers}) == 1
    assert (len(answers), asked.versions, len(asked.loads)) == (4, 1, 1)


def test_forgetting_makes_it_ask_at_once() -> None:
    asked = Asked()
    asked.standing()
    asked.number = 1
    asked.cache.forget()
    asked.standing()
    assert (asked.versions, len(asked.loads)) == (2, 2)


def test_a_time_it_does_not_reach_is_read_anew() -> None:
    asked = Asked()
    asked.standing()
    asked.standing(AT - REACHES_BACK)
    assert asked.loads == [AT - REACHES_BACK]
    asked.standing(AT - REACHES_BACK - timedelta(seconds=1))
    assert len(asked.loads) == 2


def test_a_database_that_does_not_answer_is_not_taken_for_silence() -> None:
    asked = Asked()
    asked.standing()
    asked.now += GOOD_FOR

    def broken() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asked.cache.standing(AT, version=broken, load=asked.load)
