"""Alarms: each level at its exact person, thresholds as the law and our grading have them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.alarm import Reading, Threshold, alarms_at, alarms_of
from broker.core.alarm_thresholds import exporter_readings, face_reading, graded_reading, us_reading
from broker.core.governance.policy import Policy

LAW = Policy.load().at(datetime(2026, 11, 22, tzinfo=UTC))
LEVELS = (70, 85, 95, 100)


@pytest.mark.parametrize(("level", "at"), [(70, 7_000), (85, 8_500), (95, 9_500), (100, 10_000)])
def test_a_level_is_passed_by_exactly_that_person(level: int, at: int) -> None:
    threshold = Threshold("x", 10_000, LEVELS)
    assert alarms_at(at - 2, at - 1, [threshold]) == []
    assert alarms_at(at - 1, at, [threshold]) == [(threshold, level)]
    assert alarms_at(at, at + 1, [threshold]) == []


@given(st.integers(1, 10**7), st.lists(st.integers(0, 10**7), min_size=2, max_size=6))
def test_however_the_counter_moves_each_level_comes_once(limit: int, counts: list[int]) -> None:
    threshold, steps = Threshold("x", limit, LEVELS), sorted(counts)
    one_by_one = [
        a for before, after in zip([0, *steps], steps, strict=False) for a in alarms_at(before, after, [threshold])
    ]
    assert one_by_one == alarms_at(0, steps[-1], [threshold])


def levels(reading: Reading | None) -> list[tuple[str, int]]:
    assert reading is not None
    return [(alarm.threshold, alarm.level) for alarm in alarms_of([reading])]


def test_statutory_counts() -> None:
    net, sensitive = exporter_readings(LAW, 2026, "tongguan/CN", nonsensitive=85_000, sensitive=6_999)
    assert levels(net) == [("order16.8", 70), ("order16.8", 85)]
    assert levels(sensitive) == []
    net, sensitive = exporter_readings(LAW, 2026, "tongguan/CN", nonsensitive=700_000, sensitive=9_500)
    assert levels(net) == [
        ("order16.8", 70),
        ("order16.8", 85),
        ("order16.8", 95),
        ("order16.8", 100),
        ("order16.7", 70),
    ]
    assert levels(sensitive) == [("order16.7", 70), ("order16.7", 85), ("order16.7", 95)]


def test_stored_faces() -> None:
    assert levels(face_reading(LAW, 2026, "CN", 69_999)) == []
    assert levels(face_reading(LAW, 2026, "CN", 100_000)) == [("face_filing", level) for level in LEVELS]


def test_bulk_counts_take_the_lowest_of_their_kinds_and_begin_above_it() -> None:
    kinds = {"biometric", "identifiers"}
    assert levels(us_reading(LAW, 2026, "a>b", 1_000, kinds)) == [("us_bulk", 70), ("us_bulk", 85), ("us_bulk", 95)]
    assert levels(us_reading(LAW, 2026, "a>b", 1_001, kinds))[-1] == ("us_bulk", 100)
    assert us_reading(LAW, 2026, "a>b", 5, set()) is None


def test_graded_quantities_shrink_with_trust() -> None:
    def graded(persons: int, trust: str) -> list[tuple[str, int]]:
        return levels(graded_reading(LAW, 2026, "x", persons, categories={"face_template", "name"}, trust=trust))

    assert ("graded", 100) not in graded(1_000, "A")
    assert ("graded", 100) in graded(1_001, "A")
    assert ("graded", 100) in graded(101, "D")
    assert ("graded", 100) not in graded(100, "D")
    assert graded_reading(LAW, 2026, "x", 10**6, categories={"name"}, trust="A") is None
