"""Identity numbers and dates as the three authorities write them. Every function returns None for what is not well-
formed.

Check characters: GB 11643-1999 (ISO 7064 MOD 11-2) for the Mainland, the weighted sum of the Immigration Department
for Hong Kong. The Macau number's check digit has no published rule, so only its form is checked.
"""

import re
from datetime import date
from typing import Final

_PRC: Final = re.compile(r"([1-9]\d{5})((?:18|19|20)\d{6})(\d{3})([0-9X])")
_HKID: Final = re.compile(r"([A-Z]{1,2})(\d{6})")
_MACAU: Final = re.compile(r"([157]\d{6})\(?(\d)\)?")


def prc_check_character(first_17: str) -> str:
    """ISO 7064 MOD 11-2 over 17 digits."""
    total = sum(int(digit) * pow(2, 17 - index, 11) for index, digit in enumerate(first_17))
    return "10X98765432"[total % 11]


def prc_number(text: object) -> tuple[str, date] | None:
    """The 18-character number and the birth date inside it."""
    found = _PRC.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    if found is None or prc_check_character(found[0][:17]) != found[4]:
        return None
    birth = compact_date(found[2])
    return (found[0], birth) if birth else None


def hkid_check_character(prefix_and_digits: str) -> str:
    """Over one or two letters and six digits, written without spaces; a missing first letter counts as 36."""
    values = [36] * (8 - len(prefix_and_digits)) + [int(character, 36) for character in prefix_and_digits]
    rest = -sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True)) % 11
    return "0123456789A"[rest]


def hkid_number(identification: object, check: object) -> str | None:
    """`A123456` and `3` become `A1234563`."""
    if not isinstance(identification, str) or not isinstance(check, str) or not _HKID.fullmatch(identification):
        return None
    return (
        identification + check if identification.isascii() and hkid_check_character(identification) == check else None
    )


def macau_number(text: object) -> str | None:
    """`1234567(8)`, or the same without brackets, becomes `12345678`."""
    found = _MACAU.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    return found[1] + found[2] if found else None


def compact_date(text: object) -> date | None:
    """`19800229`."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def portuguese_date(text: object) -> date | None:
    """`29/02/1980`."""
    found = re.fullmatch(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", text) if isinstance(text, str) else None
    return compact_date(found[3] + found[2] + found[1]) if found else None
