"""Working days with the published holidays, and periods of years."""

from datetime import UTC, date, datetime

import pytest

from broker.core.governance.calendar import shanghai_date, years_after
from broker.core.governance.deadlines import deadline
from broker.core.governance.policy import Policy, PolicyError

POLICY = Policy.load()
CALENDAR = POLICY.at(datetime(2026, 6, 1, tzinfo=UTC)).calendar


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),
        (date(2026, 2, 14), True),  # a Saturday worked for Spring Festival
        (date(2026, 2, 15), False),
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 6, 19), False),
        (date(2026, 6, 22), True),
        (date(2026, 10, 10), True),
        (date(2026, 10, 11), False),
        (date(2030, 10, 1), True),  # not published: Monday to Friday
    ],
)
def test_working_days(day: date, works: bool) -> None:
    assert CALENDAR.is_working_day(day) is works


def test_the_day_itself_is_not_counted() -> None:
    assert CALENDAR.after(date(2026, 3, 2), 1) == date(2026, 3, 3)
    assert CALENDAR.after(date(2026, 3, 6), 1) == date(2026, 3, 9)
    assert CALENDAR.before(date(2026, 3, 9), 1) == date(2026, 3, 6)
    assert CALENDAR.after(date(2026, 3, 2), 0) == date(2026, 3, 2)


def test_a_date_that_touches_an_unpublished_year_is_provisional() -> None:
    assert deadline("gba_contract_effective", date(2026, 12, 1), POLICY).provisional is False
    assert deadline("gba_contract_effective", date(2026, 12, 25), POLICY).provisional is True


def test_sixty_working_days_before_an_assessment_ends() -> None:
    found = deadline("assessment_result", date(2026, 3, 2), POLICY)
    assert found.expires == date(2029, 3, 2)
    assert found.due is not None
    assert CALENDAR.after(found.due, 60) == found.expires


def test_before_the_rule_there_is_no_date() -> None:
    with pytest.raises(PolicyError):
        deadline("gba_contract_effective", date(2023, 12, 12), POLICY)
    assert deadline("gba_contract_effective", date(2023, 12, 13), POLICY).due == date(2023, 12, 27)


def test_years() -> None:
    assert years_after(date(2024, 2, 29), 3) == date(2027, 2, 28)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_the_day_in_shanghai() -> None:
    assert shanghai_date(datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)) == date(2026, 12, 31)
    assert shanghai_date(datetime(2026, 12, 31, 16, tzinfo=UTC)) == date(2027, 1, 1)
