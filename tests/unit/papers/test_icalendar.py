"""iCalendar: lines that any program can unfold, text that stays text."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from broker.core.icalendar import CalendarDay, to_icalendar

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)


def unfolded(stream: bytes) -> list[str]:
    assert stream.endswith(b"\r\n")
    assert all(len(line) <= 75 for line in stream.split(b"\r\n"))
    return stream.replace(b"\r\n ", b"").decode().split("\r\n")[:-1]


def test_a_day_is_an_event_of_that_whole_day() -> None:
    lines = unfolded(to_icalendar([CalendarDay("due-1@tongguan", date(2026, 12, 31), "備案", "a, b; c\\d\ne")], at=AT))
    assert lines[0] == "BEGIN:VCALENDAR"
    assert "DTSTART;VALUE=DATE:20261231" in lines
    assert "DTEND;VALUE=DATE:20270101" in lines
    assert "DTSTAMP:20261122T010203Z" in lines
    assert "SUMMARY:備案" in lines
    assert "DESCRIPTION:a\\, b\\; c\\\\d\\ne" in lines


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=300))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    lines = unfolded(to_icalendar([CalendarDay("1", date(2026, 1, 1), text, "-")], at=AT))
    assert len(lines) == 14
    (summary,) = [line for line in lines if line.startswith("SUMMARY:")]
    said = summary.removeprefix("SUMMARY:").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
    assert said == text
