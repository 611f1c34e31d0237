"""Lengths of time and limits on use in words, in the language of a page."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from broker.core.consent import UseLimit
from broker.web.messages import Catalogue

_YEAR: Final = 365
_UNITS: Final = ("year", "day", "hour", "minute", "second")


def in_words(length: timedelta, texts: Catalogue) -> str:
    """A whole number of seconds, at least one: "30 days", "1 hour, 30 minutes". A year is 365 days, said of whole ones
    alone.
    """
    days, seconds = length.days, length.seconds
    years = days // _YEAR if days % _YEAR == 0 else 0
    numbers = (years, 0 if years else days, seconds // 3600, seconds // 60 % 60, seconds % 60)
    words = texts["duration"]
    said = [_counted(words, unit, number) for unit, number in zip(_UNITS, numbers, strict=True) if number]
    return words["join"].join(said)


def limit_in_words(limit: UseLimit, texts: Catalogue) -> str:
    """How often: "Once", "At most 3 times within any 1 day"."""
    words = texts["authorization"]
    if limit.per is None:
        return words["once"]
    period = in_words(limit.per, texts)
    return (
        words["often_one"].format(period=period)
        if limit.times == 1
        else words["often"].format(times=limit.times, period=period)
    )


def _counted(words: Mapping[str, str], unit: str, number: int) -> str:
    return words[unit] if number == 1 else words[f"{unit}s"].format(number=number)
