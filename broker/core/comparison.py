"""Whether a value that an agency states is the one an authority vouched for (specs/partner-api.md 5)."""

import hmac
import re
import unicodedata
from hashlib import sha256
from typing import Final

MAX_STATED: Final = 200
"""Characters of one stated value."""

COMPARABLE: Final = frozenset(
    {"name", "family_name", "given_name", "native_name", "birthdate", "document_type", "document_number"}
)

MATCHES: Final = "matches:"
"""Before the name of a claim: to be told whether a stated value agrees, and never the value."""

MATCHING: Final = frozenset(MATCHES + name for name in COMPARABLE)

_NAMES: Final = frozenset({"name", "family_name", "given_name", "native_name"})
_APART: Final = re.compile(r"[\s\-‐-―'’.,()（）·・]+")


def agrees(name: str, stated: str, actual: str | None) -> bool | None:
    """Whether the stated value of the claim `name` agrees; None when the authority does not say.

    Digests are made and compared whole: the time taken tells nothing.
    """
    same = hmac.compare_digest(_digest(name, stated), _digest(name, actual or ""))
    return None if actual is None else same


def _digest(name: str, value: str) -> bytes:
    return sha256(_canonical(name, value).encode()).digest()


def _canonical(name: str, value: str) -> str:
    """Names and document numbers regardless of case, width, spaces and punctuation; anything else as it stands."""
    if name in _NAMES or name == "document_number":
        return _APART.sub("", unicodedata.normalize("NFKC", value)).casefold()
    return value
