"""Profile and eME fields. Every parser is total: it returns None for what is malformed, and never more than was asked.

Shapes named by public clients: `idNo{Identification, CheckDigit}`, `enName{UnstructuredName}`, `chName{ChineseName}`,
telephone numbers `{CountryCode, SubscriberNumber}`. Addresses and `addressDocInfo` are objects whose members no public
source lists: they pass as bounded JSON.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from connectors.documents import compact_date, hkid_number

PROFILE_FIELDS: Final = ("idNo", "enName", "chName", "chNameVerified", "gender", "birthDate")
EME_FIELDS: Final = (
    *PROFILE_FIELDS,
    "prefix",
    "maritalStatus",
    "mobileNumber",
    "homeTelNumber",
    "officeTelNumber",
    "emailAddress",
    "residentialAddress",
    "postalAddress",
    "educationLevel",
    "passportNumber",
    "passportExpiry",
    "employmentStatus",
    "addressDocInfo",
)
_MAX_TEXT, _MAX_ITEMS, _MAX_DEPTH = 2000, 64, 4


def hkic_hash(number: str) -> str:
    """`HKICHash`: base64(SHA-256(identity card number without its check digit)). `number` includes the digit."""
    return b64encode(sha256(number[:-1].encode()).digest()).decode()


def identity_number(value: object) -> str | None:
    """`idNo` as one text with its check digit, checked."""
    return hkid_number(value.get("Identification"), value.get("CheckDigit")) if isinstance(value, dict) else None


def read_fields(content: Mapping[str, Any], asked: tuple[str, ...]) -> dict[str, Any] | None:
    """The fields that were asked for and given, each well-formed; None when one is malformed. What was not asked for
    is dropped, what the person kept back is absent.
    """
    found: dict[str, Any] = {}
    for name in asked:
        value = content.get(name)
        if value is None:
            continue
        if not _READERS[name](value):
            return None
        found[name] = value
    return found


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT and value.isprintable()


def _members(*names: str) -> Callable[[object], bool]:
    def good(value: object) -> bool:
        return isinstance(value, dict) and set(value) == set(names) and all(map(_text, value.values()))

    return good


def _bounded(value: object, depth: int = _MAX_DEPTH) -> bool:
    if value is None or isinstance(value, bool | int):
        return not isinstance(value, int) or abs(value) < 2**53
    if isinstance(value, dict):
        inside = [*value, *value.values()]
    elif isinstance(value, list):
        inside = value
    else:
        return _text(value)
    return depth > 0 and len(inside) <= 2 * _MAX_ITEMS and all(_bounded(each, depth - 1) for each in inside)


def _object(value: object) -> bool:
    return isinstance(value, dict) and _bounded(value)


def _date(value: object) -> bool:
    return compact_date(value) is not None


_TELEPHONE: Final = _members("CountryCode", "SubscriberNumber")
_READERS: Final[Mapping[str, Callable[[object], bool]]] = {
    "idNo": lambda value: identity_number(value) is not None,
    "enName": _members("UnstructuredName"),
    "chName": _members("ChineseName"),
    "chNameVerified": _text,
    "gender": _text,
    "birthDate": _date,
    "prefix": _text,
    "maritalStatus": _text,
    "mobileNumber": _TELEPHONE,
    "homeTelNumber": _TELEPHONE,
    "officeTelNumber": _TELEPHONE,
    "emailAddress": _text,
    "residentialAddress": _object,
    "postalAddress": _object,
    "educationLevel": _text,
    "passportNumber": _text,
    "passportExpiry": _date,
    "employmentStatus": _text,
    "addressDocInfo": _object,
}
