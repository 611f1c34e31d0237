"""Bytes and times in JSON: one form each."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.web.fields import from_base64url, iso, to_base64url


@given(st.binary(max_size=100))
def test_base64url_round_trip(raw: bytes) -> None:
    assert from_base64url(to_base64url(raw)) == raw


@given(st.text(max_size=20))
def test_base64url_is_total_and_has_one_form(text: str) -> None:
    try:
        raw = from_base64url(text)
    except ValueError:
        return
    assert to_base64url(raw) == text


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "A+A/", "AA\n", "\uff21\uff21"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        from_base64url(text)


def test_times_are_utc_with_z() -> None:
    there = datetime(2026, 11, 20, 20, 0, tzinfo=timezone(timedelta(hours=8)))
    assert iso(there) == "2026-11-20T12:00:00Z"
    assert iso(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
