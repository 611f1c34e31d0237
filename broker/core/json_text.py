"""JSON of strangers, of the kind that a database can store and an answer can carry."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

JSON = Any


def read_json(text: str) -> JSON:
    """Raises ValueError (RecursionError for extreme depth) for anything else than JSON (RFC 8259), and for a text with
    U+0000, which PostgreSQL stores nowhere, or a lone surrogate, which UTF-8 has no bytes for (RFC 7493 2.1, 2.2).
    """
    found = _DECODER.decode(text)
    if ("\\u" in text or not text.isascii()) and not _storable(found):
        raise ValueError("a text holds U+0000 or a lone surrogate")
    return found


def _storable(value: JSON) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, Mapping):
        return all(_storable(name) and _storable(member) for name, member in value.items())
    return not isinstance(value, list) or all(_storable(member) for member in value)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number)
