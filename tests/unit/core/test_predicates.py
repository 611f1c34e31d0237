"""Predicates: the birthday itself, the day at the border, what is not known."""

from datetime import UTC, date, datetime

import pytest

from broker.core.denial import InvalidInput
from broker.core.predicates import evaluate, residences
from broker.wire.identity_grant import DocumentType, VerifiedClaims


def _person(**changes: object) -> VerifiedClaims:
    values: dict[str, object] = {
        "native_name": "陳大文",
        "birth_date": date(2008, 11, 21),
        "document_type": DocumentType.HKID,
        "document_number": "A1234563",
    }
    return VerifiedClaims.model_validate(values | changes)


@pytest.mark.parametrize(
    ("born", "at", "answer"),
    [
        # Midnight in Hong Kong is 16:00 UTC of the day before.
        (date(2008, 11, 21), datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC), False),
        (date(2008, 11, 21), datetime(2026, 11, 20, 16, 0, tzinfo=UTC), True),
        (date(2008, 2, 29), datetime(2026, 2, 28, 12, 0, tzinfo=UTC), False),
        (date(2008, 2, 29), datetime(2026, 3, 1, 12, 0, tzinfo=UTC), True),
        (date(1950, 1, 1), datetime(2026, 3, 1, 12, 0, tzinfo=UTC), True),
    ],
)
def test_over_18_from_the_birthday_on(born: date, at: datetime, answer: bool) -> None:
    assert evaluate("over_18", _person(birth_date=born), at=at) is answer


AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires", "argument", "answer"),
    [
        (None, None, None),
        (None, "2026-12-31", None),
        (date(2026, 11, 21), None, True),
        (date(2026, 11, 20), None, False),
        (date(2026, 12, 31), "2026-12-31", True),
        (date(2026, 12, 30), "2026-12-31", False),
        # A day that has passed proves nothing about today.
        (date(2026, 11, 20), "2026-01-01", False),
    ],
)
def test_permit_valid(expires: date | None, argument: str | None, answer: bool | None) -> None:
    assert evaluate("permit_valid", _person(document_expires=expires), argument=argument, at=AT) is answer


@pytest.mark.parametrize(
    ("document", "argument", "answer"),
    [
        (DocumentType.HKID, ["HK"], True),
        (DocumentType.HKID, ["CN", "MO"], False),
        (DocumentType.MACAU_BIR, ["HK", "MO"], True),
        (DocumentType.PRC_RESIDENT_ID, ["CN"], True),
        # Issued by the Mainland, held by residents of Hong Kong (H) and Macau (M).
        (DocumentType.MAINLAND_TRAVEL_PERMIT, ["CN"], False),
        (DocumentType.MAINLAND_TRAVEL_PERMIT, ["HK"], True),
    ],
)
def test_resident_of(document: DocumentType, argument: list[str], answer: bool) -> None:
    permit = document is DocumentType.MAINLAND_TRAVEL_PERMIT
    claims = _person(document_type=document, document_number="H12345678" if permit else "A1234563")
    assert evaluate("resident_of", claims, argument=argument, at=AT) is answer
    assert (residences(claims)[0] in argument) is answer


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("over_21", None),
        ("over_18", 18),
        ("resident_of", None),
        ("resident_of", []),
        ("resident_of", "HK"),
        ("resident_of", ["HK", "HK"]),
        ("resident_of", ["HK", "US"]),
        ("resident_of", ["HK", 7]),
        ("permit_valid", "20261121"),
        ("permit_valid", "2026-W47-6"),
        ("permit_valid", "2026-02-30"),
        ("permit_valid", True),
    ],
)
def test_a_question_without_meaning_is_refused(name: str, argument: object) -> None:
    with pytest.raises(InvalidInput):
        evaluate(name, _person(), argument=argument, at=AT)
