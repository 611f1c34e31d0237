"""Working days and periods of years on the Mainland's calendar (Civil Code articles 201 to 203)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Self

from broker.core.governance.policy_data import CalendarYear

# Asia/Shanghai has had no daylight saving since 1991: a fixed offset needs no zone database.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_DAY = timedelta(days=1)
_SATURDAY = 5


def shanghai_date(at: datetime) -> date:
    """The calendar day in Shanghai of an aware instant."""
    return at.astimezone(SHANGHAI).date()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Published holiday arrangements. In a year without one, Monday to Friday count and the result is provisional."""

    years: frozenset[int]
    off: frozenset[date]
    worked: frozenset[date]

    @classmethod
    def of(cls, years: Iterable[CalendarYear]) -> Self:
        listed = tuple(years)
        return cls(
            frozenset(y.year for y in listed),
            frozenset(day for y in listed for day in y.off),
            frozenset(day for y in listed for day in y.worked),
        )

    def is_working_day(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < _SATURDAY and day not in self.off)

    def after(self, day: date, working_days: int) -> date:
        """The `working_days`-th working day after `day`, which itself is not counted (Civil Code 201)."""
        return self._walk(day, working_days, _DAY)

    def before(self, day: date, working_days: int) -> date:
        """The working day with `working_days` working days from it up to `day`, `day` itself not counted."""
        return self._walk(day, working_days, -_DAY)

    def published(self, first: date, last: date) -> bool:
        """Whether the arrangement of every year from `first` to `last` is known."""
        low, high = sorted((first.year, last.year))
        return all(year in self.years for year in range(low, high + 1))

    def _walk(self, day: date, working_days: int, step: timedelta) -> date:
        while working_days > 0:
            day += step
            working_days -= self.is_working_day(day)
        return day


def years_after(day: date, years: int) -> date:
    """The same day `years` later, or the last of that month where there is none (Civil Code 202)."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
