"""Reading a decoded map entry by entry: each with its type and bound, nothing left over."""

import re
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from broker.wire.cbor import Value
from broker.wire.errors import DecodeError
from broker.wire.reasons import Reason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_SECONDS = 253_402_300_799  # the last second of the year 9999
MICROSECOND = timedelta(microseconds=1)
ZONE = re.compile(r"[A-Z0-9-]{2,16}")
NAME = re.compile(r"[A-Za-z0-9._:+-]{1,64}")


def seconds(moment: datetime) -> int:
    """Return Unix seconds of an aware UTC `moment` that lies on a whole second; ValueError otherwise."""
    if moment.utcoffset() != timedelta(0):
        raise ValueError("times are aware and in UTC")
    whole, rest = divmod(moment - EPOCH, timedelta(seconds=1))
    if rest or whole < 0:
        raise ValueError("times are whole seconds since 1970")
    return whole


def microseconds(moment: datetime) -> int:
    """Return Unix microseconds of an aware UTC `moment`; ValueError otherwise."""
    if moment.utcoffset() != timedelta(0):
        raise ValueError("times are aware and in UTC")
    count = (moment - EPOCH) // MICROSECOND
    if count < 0:
        raise ValueError("times lie after 1970")
    return count


class Fields:
    """Takes the entries of a decoded map out one by one; `end()` refuses what nobody asked for.

    Every complaint is a DecodeError with the `reason` of the layer that owns the map.
    """

    __slots__ = ("_entries", "_reason")

    def __init__(self, value: Value, reason: Reason = Reason.MALFORMED_CLAIMS) -> None:
        self._reason = reason
        if not isinstance(value, dict):
            self.refuse("not a map")
        self._entries: dict[int | str, Value] = dict(value)

    def refuse(self, detail: str) -> NoReturn:
        raise DecodeError(self._reason, detail)

    def has(self, label: int | str) -> bool:
        return label in self._entries

    def take(self, label: int | str) -> Value:
        """Return the entry of any type; refuse when it is absent."""
        if label not in self._entries:
            self.refuse(f"{_name(label)} is missing")
        return self._entries.pop(label)

    def octets(self, label: int | str, *, size: int | None = None, most: int = 1 << 20) -> bytes:
        value = self.take(label)
        if not isinstance(value, bytes) or len(value) > most or (size is not None and len(value) != size):
            self.refuse(f"{_name(label)} is not the byte string it should be")
        return value

    def text(self, label: int | str, *, pattern: re.Pattern[str] = NAME) -> str:
        value = self.take(label)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(f"{_name(label)} is not the text it should be")
        return value

    def uint(self, label: int | str, *, most: int = (1 << 63) - 1) -> int:
        value = self.take(label)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.refuse(f"{_name(label)} is not an integer within its bounds")
        return value

    def flag(self, label: int | str) -> bool:
        value = self.take(label)
        if not isinstance(value, bool):
            self.refuse(f"{_name(label)} is not true or false")
        return value

    def second(self, label: int | str) -> datetime:
        """Return a whole-second UTC time (a NumericDate, integers only)."""
        return EPOCH + timedelta(seconds=self.uint(label, most=MAX_SECONDS))

    def microsecond(self, label: int | str) -> datetime:
        return EPOCH + timedelta(microseconds=self.uint(label, most=MAX_SECONDS * 1_000_000))

    def number(self, label: int | str) -> float:
        """Return a finite floating-point number."""
        value = self.take(label)
        if not isinstance(value, float) or not -1e300 < value < 1e300:
            self.refuse(f"{_name(label)} is not a finite number")
        return value

    def array(self, label: int | str, *, most: int = 10_000) -> list[Value]:
        value = self.take(label)
        if not isinstance(value, list) or len(value) > most:
            self.refuse(f"{_name(label)} is not an array within its bounds")
        return value

    def end(self) -> None:
        if self._entries:
            self.refuse(f"{len(self._entries)} entries that nobody defined")


def _name(label: int | str) -> str:
    return f"entry {getattr(label, 'name', label)}"
