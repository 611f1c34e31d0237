"""When a consent covers a use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.consent import ConsentRecord, ConsentStatus, Gap, NoticeReference, Use, covers, gap

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERSON, OTHER = UUID(int=1), UUID(int=2)
RECORD = ConsentRecord(
    UUID(int=9), PERSON, "e-channel", "HK-SZB", "hk-immigration", frozenset({"face_template", "name"}), "consent",
    "company", NoticeReference("1", "en", b"d" * 32), NOON, NOON, NOON + timedelta(days=1),
)  # fmt: skip
USE = Use(PERSON, "e-channel", "HK-SZB", "hk-immigration", frozenset({"face_template"}))


def test_it_covers_what_was_agreed_to() -> None:
    assert covers(RECORD, USE, at=NOON)
    assert covers(RECORD, replace(USE, categories=RECORD.categories), at=NOON + timedelta(hours=23))


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (replace(USE, traveller=OTHER), Gap.OTHER_PERSON),
        (replace(USE, purpose="offline-pass"), Gap.OTHER_PURPOSE),
        (replace(USE, purpose="e-channel-2"), Gap.OTHER_PURPOSE),
        (replace(USE, recipient="CN-SZB"), Gap.OTHER_RECIPIENT),
        (replace(USE, recipient="HK"), Gap.OTHER_RECIPIENT),
        (replace(USE, controller="tongguan"), Gap.OTHER_CONTROLLER),
        (replace(USE, categories=frozenset({"face_template", "portrait"})), Gap.CATEGORY_NOT_GRANTED),
        (replace(USE, categories=frozenset()), Gap.NOTHING_ASKED),
    ],
)
def test_it_covers_nothing_else(use: Use, expected: Gap) -> None:
    assert gap(RECORD, use, at=NOON) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOON - timedelta(microseconds=1), Gap.NOT_YET_VALID),
        (NOON, None),
        (NOON + timedelta(days=1) - timedelta(microseconds=1), None),
        (NOON + timedelta(days=1), Gap.EXPIRED),
    ],
)
def test_its_time_is_half_open(moment: datetime, expected: Gap | None) -> None:
    assert gap(RECORD, USE, at=moment) is expected


@given(status=st.sampled_from(ConsentStatus), hours=st.integers(-48, 72))
def test_only_an_active_record_covers_whatever_the_time(status: ConsentStatus, hours: int) -> None:
    covered = covers(replace(RECORD, status=status), USE, at=NOON + timedelta(hours=hours))
    assert not covered or status is ConsentStatus.ACTIVE


@given(granted=st.sets(st.sampled_from("abcd"), min_size=1), asked=st.sets(st.sampled_from("abcd"), min_size=1))
def test_categories_are_covered_exactly_when_all_were_granted(granted: set[str], asked: set[str]) -> None:
    record, use = replace(RECORD, categories=frozenset(granted)), replace(USE, categories=frozenset(asked))
    assert covers(record, use, at=NOON) == (asked <= granted)


def test_a_record_that_could_cover_nothing_is_never_made() -> None:
    with pytest.raises(ValueError, match="categories"):
        replace(RECORD, categories=frozenset())
    with pytest.raises(ValueError, match="end after"):
        replace(RECORD, valid_until=NOON)
