"""ISO 8601 durations, as far as retention and frequency need them: years, weeks, days, hours, minutes and seconds.

A year counts 365 days. Months are refused: they have no one length, and a person reads a limit, not a calendar.
"""

import re
from datetime import timedelta
from typing import Final

_FORM: Final = re.compile(
    r"P(?!$)(?:(?P<years>[0-9]{1,3})Y)?(?:(?P<weeks>[0-9]{1,4})W)?(?:(?P<days>[0-9]{1,5})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,5})H)?(?:(?P<minutes>[0-9]{1,6})M)?(?:(?P<seconds>[0-9]{1,8})S)?)?"
)
_YEAR: Final = 365


def parse_duration(text: str) -> timedelta:
    """A positive duration. Raises ValueError for any other text."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:32]!r} is not a duration such as P30D or PT10M")
    parts = {name: int(value or 0) for name, value in found.groupdict().items()}
    years = parts.pop("years")
    length = timedelta(**parts) + timedelta(days=_YEAR * years)
    if length <= timedelta(0):
        raise ValueError("a duration of nothing keeps nothing")
    return length


def format_duration(length: timedelta) -> str:
    """The one form this broker writes: days, hours, minutes and seconds. Raises ValueError for less than a second."""
    if length < timedelta(seconds=1):
        raise ValueError("a duration has at least one second")
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if number)
    return "P" + (f"{length.days}D" if length.days else "") + (f"T{clock}" if clock else "")
