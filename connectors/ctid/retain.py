"""`sFXX`, `wZXX`, `zP`: a person's data as it travels inside envelopes."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from broker.wire.identity_grant import MAX_PORTRAIT_BYTES, DocumentType
from connectors.ctid.package import PackageError, read_base64
from connectors.documents import compact_date, prc_number

FOR_EVER: Final = "长期"
_MAX_JSON: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Identity:
    """`sFXX`. `valid_until` None: without end."""

    name: str = field(repr=False)
    number: str = field(repr=False)
    birth_date: date = field(repr=False)
    valid_until: date | None = field(repr=False)

    @property
    def claims(self) -> dict[str, Any]:
        """In the words of `VerifiedClaims`."""
        return {
            "native_name": self.name,
            "birth_date": self.birth_date,
            "document_type": DocumentType.PRC_RESIDENT_ID,
            "document_number": self.number,
            "document_expires": self.valid_until,
        }


@dataclass(frozen=True)
class Retained:
    """What the person let us have: None is what they did not."""

    identity: Identity | None
    portrait: bytes | None = field(repr=False)


def write(
    *, identity: Mapping[str, str] | None = None, credential: str | None = None, photo: bytes | None = None
) -> bytes:
    """JSON in UTF-8. `identity`: xM, gMSFZHM and, for four items, yXQQSRQ and yXQJZRQ."""
    data: dict[str, Any] = {}
    if identity is not None:
        data["sFXX"] = dict(identity)
    if credential is not None:
        data["wZXX"] = credential
    if photo is not None:
        data["zP"] = b64encode(photo).decode()
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def parse(raw: bytes) -> dict[str, Any]:
    """A JSON object. Raises PackageError."""
    try:
        value = json.loads(raw) if len(raw) <= _MAX_JSON else None
    except (ValueError, RecursionError) as error:
        raise PackageError("an envelope does not hold JSON") from error
    if not isinstance(value, dict):
        raise PackageError("an envelope does not hold a JSON object")
    return value


def read(raw: bytes) -> Retained:
    """Raises PackageError for what is there and malformed."""
    data = parse(raw)
    identity, photo = data.get("sFXX"), data.get("zP")
    return Retained(
        identity=None if identity is None else _identity(identity),
        portrait=None if photo is None else read_base64(photo, "zP", limit=MAX_PORTRAIT_BYTES),
    )


def _identity(data: object) -> Identity:
    if not isinstance(data, dict):
        raise PackageError("sFXX is not an object")
    name, number, last_day = data.get("xM"), prc_number(data.get("gMSFZHM")), data.get("yXQJZRQ")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 200 or not name.isprintable():
        raise PackageError("xM is not a name")
    if number is None:
        raise PackageError("gMSFZHM is malformed")
    valid_until = None if last_day == FOR_EVER else compact_date(last_day)
    if valid_until is None and last_day != FOR_EVER:
        raise PackageError("yXQJZRQ is malformed")
    return Identity(name.strip(), number[0], number[1], valid_until)
