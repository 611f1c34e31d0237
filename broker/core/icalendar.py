"""Days to remember as an iCalendar stream (RFC 5545): whole days, each with an id of its own that stays the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

_OCTETS: Final = 75  # RFC 5545 3.1: a content line is no longer, without its break


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """`uid`: unique and lasting (RFC 7986 5.3)."""

    uid: str
    day: date
    summary: str
    description: str


def to_icalendar(days: Iterable[CalendarDay], *, at: datetime) -> bytes:
    """The stream, in UTF-8 with CRLF; the same bytes for the same days and time."""
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tongguan//Filings//EN", "CALSCALE:GREGORIAN"]
    for each in days:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(each.uid)}",
            f"DTSTAMP:{stamp}",
            f"DTSTART;VALUE=DATE:{each.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{each.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(each.summary)}",
            f"DESCRIPTION:{_text(each.description)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _text(value: str) -> str:
    """RFC 5545 3.3.11."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Broken into lines of at most 75 octets, never within a character."""
    folded, room = b"", _OCTETS
    for character in line:
        octets = character.encode()
        if len(octets) > room:
            folded += b"\r\n "
            room = _OCTETS - 1
        folded += octets
        room -= len(octets)
    return folded
