"""Identity numbers and dates: published examples, damage, and anything else."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.documents import (
    compact_date,
    hkid_check_character,
    hkid_number,
    macau_number,
    portuguese_date,
    prc_check_character,
    prc_number,
)


def test_published_examples() -> None:
    # GB 11643-1999's own example, and the one every description of the Hong Kong rule works through.
    assert prc_check_character("11010519491231002") == "X"
    assert hkid_check_character("A123456") == "3"
    assert hkid_check_character("C123456") == "9"


def test_prc_number() -> None:
    assert prc_number("11010519491231002X") == ("11010519491231002X", date(1949, 12, 31))
    for wrong in ("11010519491231002x", "110105194912310021", "11010519491331002X", "1101051949123100", "", None, 7):
        assert prc_number(wrong) is None


def test_hkid_number() -> None:
    assert hkid_number("A123456", "3") == "A1234563"
    assert hkid_number("QX900123", "6") == "QX9001236"
    for wrong in (("A123456", "4"), ("a123456", "3"), ("A12345", "3"), ("ABC123456", "3"), (None, "3"), ("A123456", 3)):
        assert hkid_number(*wrong) is None


def test_macau_number() -> None:
    assert macau_number("1000001(2)") == macau_number("10000012") == "10000012"
    for wrong in ("2000001(2)", "100001(2)", "1000001(A)", "", None, 10000012):
        assert macau_number(wrong) is None


@given(st.integers(0, 10**16 - 1), st.integers(0, 16), st.integers(1, 9))
def test_the_prc_rule_finds_every_single_wrong_digit(number: int, place: int, change: int) -> None:
    digits = f"1{number:016d}"
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    assert prc_check_character(digits) != prc_check_character(wrong)


@given(
    st.one_of(
        st.text(max_size=24), st.integers(), st.none(), st.lists(st.text()), st.dictionaries(st.text(), st.text())
    )
)
def test_total(value: object) -> None:
    for parse in (prc_number, macau_number, compact_date, portuguese_date):
        parse(value)
    hkid_number(value, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19800229", date(1980, 2, 29)),
        ("19810229", None),
        ("1980022", None),
        ("１９８００２２９", None),
        ("19801301", None),
    ],
)
def test_compact_date(text: str, expected: date | None) -> None:
    assert compact_date(text) == expected


def test_portuguese_date() -> None:
    assert portuguese_date("29/02/1980") == date(1980, 2, 29)
    assert portuguese_date("2/2/1980") is None
    assert portuguese_date("31/02/1980") is None
