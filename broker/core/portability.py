"""A person's own copy of everything about them (specs/rights.md 3, portability-export.schema.json): plain values that
have one spelling, so that a detached signature covers them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from broker.core.jws import sign_statement
from broker.core.statement_check import canonical
from broker.wire.identity_grant import timestamp
from broker.wire.keys import Signer

TYP: Final = "portability-export+jwt"
FORMAT: Final = "tongguan/portability-export/v1"
EXPORT: Final = "data-export"
"""The purpose, as decisions and exclusions call it."""
SELF: Final = "self"
"""The recipient of such a release: the person."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a face the person asks for in so many words, and why."""

    template: bool = False
    portrait: bool = False
    reason: str = ""


def plain(value: Any) -> Any:
    """The value in JSON with one spelling: bytes in hexadecimal, instants in UTC, fractions as text."""
    match value:
        case None | bool() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return plain(value.value)
        case int():
            return value if abs(value) < 2**53 else str(value)
        case float():
            return repr(value)
        case bytes():
            return value.hex()
        case datetime():
            return timestamp(value)
        case UUID():
            return str(value)
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case set() | frozenset():
            return sorted(plain(item) for item in value)
        case Sequence():
            return [plain(item) for item in value]
    return str(value)


def signed_export(document: Mapping[str, Any], signer: Signer) -> bytes:
    """The file: the document in the clear, and a JWS over its canonical form with the payload left out (RFC 7515
    appendix F).
    """
    canonical(document)  # raises ValueError for what has more than one spelling
    header, _, signature = sign_statement(document, signer, typ=TYP).split(".")
    file = {"export": document, "jws": f"{header}..{signature}"}
    return json.dumps(file, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"
