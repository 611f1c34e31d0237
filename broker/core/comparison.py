"""Whether a value that an agency states is the one an authority vouched for (specs/partner-api.md 5)."""

import hmac
import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

MAX_STATED: Final = 200
"""Characters of one stated value."""

COMPARABLE: Final = frozenset(
    {"name", "family_name", "given_name", "native_name", "birthdate", "document_type", "document_number"}
)

_NAMES: Final = frozenset({"name", "family_name", "given_name", "native_name"})
_APART: Final = re.compile(r"[\s\-‐-―'’.,()（）·・]+")


def compare(stated: Mapping[str, str], actual: Mapping[str, str | None]) -> dict[str, bool | None]:
    """For each stated name: whether it agrees, or None when the authority does not say.

    Digests of all values are made and compared whole, whatever was found before: the time taken tells nothing.
    """
    return {name: _agrees(name, value, actual.get(name)) for name, value in stated.items()}


def _agrees(name: str, stated: str, actual: str | None) -> bool | None:
    same = hmac.compare_digest(_digest(name, stated), _digest(name, actual or ""))
    return None if actual is None else same


def _digest(name: str, value: str) -> bytes:
    return sha256(_canonical(name, value).encode()).digest()


def _canonical(name: str, value: str) -> str:
    """Names and document numbers regardless of case, width, spaces and punctuation; anything else as it stands."""
    if name in _NAMES or name == "document_number":
        return _APART.sub("", unicodedata.normalize("NFKC", value)).casefold()
    return value
