"""How far a provider's clock is from ours, by the Date header of its answers (RFC 9110 6.6.1).

Only what a provider says about its own messages is judged by its clock, and only within MOST: a broker whose clock is
off by more needs mending, not tolerance.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

MOST: Final = timedelta(minutes=5)
RESOLUTION: Final = timedelta(seconds=2)  # the header has whole seconds, and an answer takes its time


def offset_of(date: str | None, *, at: datetime) -> timedelta | None:
    """Provider's time minus ours; zero within RESOLUTION. None when there is no readable date."""
    try:
        stated = parsedate_to_datetime(date) if date is not None else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if stated is None or stated.tzinfo is None:
        return None
    try:
        offset = stated.astimezone(UTC) - at
    except (ValueError, OverflowError):
        return None
    return timedelta() if abs(offset) <= RESOLUTION else offset


def tolerated(offset: timedelta) -> timedelta:
    """`offset`, or nothing when it is too much to believe."""
    return offset if abs(offset) <= MOST else timedelta()
