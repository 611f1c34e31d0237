"""Filings: working days of each place, the exact hour at which a paper stops, and what contradicts itself."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from broker.core.denial import InvalidInput
from broker.core.filing import Filing, FilingKind, FilingState, check_filing, dates_of, standing_filing, state_of
from broker.core.filing_rules import FilingRules
from broker.core.governance.calendar import SHANGHAI
from broker.core.governance.policy import Policy
from broker.core.standing_papers import StandingPapers

POLICY, RULES = Policy.load(), FilingRules.load()
AT = datetime(2026, 11, 22, tzinfo=UTC)
FILED = {"reference": "粤-2026-7", "evidence": b"\x01" * 32}
SECOND = timedelta(seconds=1)


def filing(kind: FilingKind, effective: date, **changes: object) -> Filing:
    made = Filing(UUID(int=1), kind, "tongguan-cn", "CN", "HK-SZB", "HK", effective, AT)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("origin", "destination", "effective", "due", "provisional"),
    [
        # The Mainland: 25 to 27 September and 1 to 7 October off, Saturday 10 October worked.
        ("CN", "HK", date(2026, 9, 21), date(2026, 10, 12), False),
        # Hong Kong: Good Friday, the day after it (a Saturday), Easter Monday and the day after Ching Ming.
        ("HK", "CN", date(2026, 3, 30), date(2026, 4, 16), False),
        ("HK", "CN", date(2027, 2, 3), date(2027, 2, 19), False),
        # Macau: All Souls, Immaculate Conception and others that Hong Kong does not keep.
        ("MO", "CN", date(2026, 12, 1), date(2026, 12, 16), False),
        ("MO", "CN", date(2026, 12, 15), date(2027, 1, 5), True),
        ("CN", "MO", date(2026, 12, 25), date(2027, 1, 8), True),
    ],
)
def test_a_bay_area_contract_is_due_after_ten_working_days_of_the_place(
    origin: str, destination: str, effective: date, due: date, provisional: bool
) -> None:
    dates = dates_of(filing(FilingKind.GBA_CONTRACT, effective, origin=origin, destination=destination), POLICY, RULES)
    assert (dates.due, dates.provisional) == (due, provisional)


def test_the_other_kinds() -> None:
    standard = dates_of(filing(FilingKind.STANDARD_CONTRACT, date(2026, 11, 2)), POLICY, RULES)
    assert (standard.due, standard.expires) == (date(2026, 11, 16), None)
    certificate = dates_of(filing(FilingKind.CERTIFICATION, date(2026, 2, 3)), POLICY, RULES)
    assert (certificate.due, certificate.expires) == (None, date(2029, 2, 3))
    faces = dates_of(filing(FilingKind.FACE_STORE, date(2026, 3, 2), destination=None), POLICY, RULES)
    assert faces.due == date(2026, 4, 14)
    assessed = dates_of(filing(FilingKind.SECURITY_ASSESSMENT, date(2024, 3, 25)), POLICY, RULES)
    assert (assessed.expires, assessed.provisional) == (date(2027, 3, 25), True)
    assert assessed.extend_by == date(2026, 12, 31)


def test_overdue_begins_at_the_midnight_after_the_last_day_in_shanghai() -> None:
    contract = filing(FilingKind.STANDARD_CONTRACT, date(2026, 11, 2))
    dates = dates_of(contract, POLICY, RULES)
    midnight = datetime(2026, 11, 17, tzinfo=SHANGHAI)
    assert state_of(contract, dates, midnight - SECOND) is FilingState.DUE
    assert state_of(contract, dates, midnight) is FilingState.OVERDUE
    assert state_of(replace(contract, filed_on=date(2026, 12, 1), **FILED), dates, midnight) is FilingState.FILED  # type: ignore[arg-type]


def test_an_expired_paper_stops_counting_at_its_exact_hour() -> None:
    passed = filing(FilingKind.SECURITY_ASSESSMENT, date(2023, 11, 22), filed_on=date(2023, 11, 22), **FILED)
    passed = replace(passed, effective=date(2024, 4, 1), filed_on=date(2024, 4, 1))
    dates = dates_of(passed, POLICY, RULES)
    standing = standing_filing(passed, dates)
    assert standing is not None
    papers, end = StandingPapers((standing,)), datetime(2027, 4, 1, 16, tzinfo=UTC)  # 2 April, 00:00 in Shanghai

    def artefacts(at: datetime, recipient: str = "HK-SZB", destination: str = "HK") -> frozenset[str]:
        return frozenset(papers.artefacts("tongguan-cn", recipient, destination, at))

    assert artefacts(end - SECOND) == {"assessment_passed"}
    assert artefacts(end) == frozenset()
    assert state_of(passed, dates, end - SECOND) is FilingState.EXPIRING
    assert state_of(passed, dates, end) is FilingState.EXPIRED
    # It begins with its day, for its own recipient and destination alone.
    begin = datetime(2024, 4, 1, tzinfo=SHANGHAI)
    assert artefacts(begin)
    assert not artefacts(begin - SECOND)
    assert not artefacts(begin, recipient="other")
    assert not artefacts(begin, destination="MO")
    assert not papers.artefacts("tongguan-hk", "HK-SZB", "HK", begin)


def test_what_is_not_filed_or_ended_makes_nothing_true() -> None:
    contract = filing(FilingKind.GBA_CONTRACT, date(2026, 11, 2))
    dates = dates_of(contract, POLICY, RULES)
    assert standing_filing(contract, dates) is None
    filed = replace(contract, filed_on=date(2026, 11, 3), ended_at=AT, **FILED)  # type: ignore[arg-type]
    standing = standing_filing(filed, dates)
    assert standing is not None
    assert standing.covers("tongguan-cn", "HK-SZB", "HK", AT - SECOND)
    assert not standing.covers("tongguan-cn", "HK-SZB", "HK", AT)
    assert state_of(filed, dates, AT) is FilingState.ENDED
    everybody = standing_filing(replace(filed, party="*"), dates)
    assert everybody is not None
    assert everybody.covers("tongguan-cn", "anybody", "HK", AT - SECOND)


@pytest.mark.parametrize(
    "changes",
    [
        {"destination": "US"},
        {"destination": None},
        {"kind": FilingKind.STANDARD_CONTRACT, "destination": "CN"},
        {"kind": FilingKind.FACE_STORE, "origin": "HK"},
        {"filed_on": date(2026, 11, 3)},
        {"filed_on": date(2026, 11, 1), **FILED},
        {"ends": date(2026, 11, 1)},
        {"effective": date(1999, 1, 1)},
        {"party": ""},
        {"party": "a\nb"},
        {"reference": "x" * 201, "evidence": b"", "filed_on": date(2026, 11, 3)},
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    check_filing(filing(FilingKind.GBA_CONTRACT, date(2026, 11, 2)))
    with pytest.raises(InvalidInput):
        check_filing(replace(filing(FilingKind.GBA_CONTRACT, date(2026, 11, 2)), **changes))  # type: ignore[arg-type]
