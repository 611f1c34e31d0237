"""The body of every request and answer: `{"bizPackage": {...}, "sign": "..."}`.

The signature covers the bytes of the `bizPackage` member as they stand in the body: no reader has to write JSON again
exactly as somebody else's library did.
"""

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

MAX_BODY: Final = 4 * 1024 * 1024
_MAX_SIGN: Final = 64 * 1024
_BEIJING: Final = timezone(timedelta(hours=8))
_SPACE: Final = " \t\r\n"


class PackageError(Exception):
    """A body, a value or a time stamp that is not what the dialect says. Never shows a value."""


@dataclass(frozen=True)
class Package:
    """`raw`: what the signature is over. `sign`: DER of GM/T 0010 signed data."""

    raw: bytes = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    sign: bytes = field(repr=False)


def write(fields: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> bytes:
    """The body, in UTF-8 without spaces. `sign(raw)`: DER of signed data over the package."""
    raw = json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":")).encode()
    return b'{"bizPackage":' + raw + b',"sign":"' + b64encode(sign(raw)) + b'"}'


def read(body: bytes) -> Package:
    """Total. Raises PackageError."""
    if len(body) > MAX_BODY:
        raise PackageError("a body is too large")
    try:
        text = body.decode("utf-8")
        members = _members(text)
    except (ValueError, RecursionError) as error:
        raise PackageError("not a JSON object") from error
    if set(members) != {"bizPackage", "sign"}:
        raise PackageError("other members than bizPackage and sign")
    (fields, start, end), (sign, _, _) = members["bizPackage"], members["sign"]
    if not isinstance(fields, dict):
        raise PackageError("bizPackage is not an object")
    return Package(text[start:end].encode(), fields, read_base64(sign, "sign", limit=_MAX_SIGN))


def read_base64(value: object, name: str, *, limit: int) -> bytes:
    """Base64 with or without line breaks (known clients write them), at most `limit` bytes of it."""
    if not isinstance(value, str) or not 1 <= len(value) <= limit * 3 // 2:
        raise PackageError(f"{name} is missing or too large")
    try:
        raw = b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PackageError(f"{name} is not base64") from error
    if not 1 <= len(raw) <= limit:
        raise PackageError(f"{name} is missing or too large")
    return raw


def stamp(at: datetime) -> str:
    """`yyyyMMddHHmmssSSS` in Beijing time."""
    local = at.astimezone(_BEIJING)
    return local.strftime("%Y%m%d%H%M%S") + f"{local.microsecond // 1000:03d}"


def read_stamp(value: object) -> datetime:
    """The moment of a time stamp. Raises PackageError."""
    if not isinstance(value, str) or len(value) != 17 or not (value.isascii() and value.isdigit()):
        raise PackageError("timeStamp is not yyyyMMddHHmmssSSS")
    try:
        whole = datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING)
    except ValueError as error:
        raise PackageError("timeStamp is no moment") from error
    return whole + timedelta(milliseconds=int(value[14:]))


def _members(text: str) -> dict[str, tuple[Any, int, int]]:
    """The members of a top-level object with the span of each value. Raises ValueError, also for a repeated name at
    any depth: a repeated name means one thing to one reader and another to the next.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
    position = _skip(text, 0)
    if text[position : position + 1] != "{":
        raise ValueError("not an object")
    members: dict[str, tuple[Any, int, int]] = {}
    position = _skip(text, position + 1)
    while True:
        if text[position : position + 1] != '"':
            raise ValueError("not a name")
        name, position = decoder.raw_decode(text, position)
        position = _skip(text, position)
        if text[position : position + 1] != ":" or name in members:
            raise ValueError("not a member")
        start = _skip(text, position + 1)
        value, end = decoder.raw_decode(text, start)
        members[name] = (value, start, end)
        position = _skip(text, end)
        mark, position = text[position : position + 1], _skip(text, position + 1)
        if mark == "}":
            break
        if mark != ",":
            raise ValueError("not the next member")
    if position != len(text):
        raise ValueError("something follows the object")
    return members


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a repeated name")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
