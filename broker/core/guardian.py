"""A guardian who agrees for a child, until the child decides for themself (PIPL 31; specs/rights.md 7)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

from broker.core.governance.calendar import SHANGHAI, years_after

# Without what is misread: 32 signs, 50 bits in ten of them.
_SIGNS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_SIGNS: Final = 10
CODE_BYTES: Final = 10


class GuardianState(StrEnum):
    INVITED = "invited"
    STANDING = "standing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Guardianship:
    """`ward` None until somebody confirmed the invitation in a session of their own."""

    guardianship_id: UUID
    guardian: UUID
    ward: UUID | None
    code_digest: bytes
    state: GuardianState
    invited_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GuardianConsent:
    """A guardian's own consent to one purpose and recipient of their ward. It ends when the ward decides alone."""

    consent_id: UUID
    guardianship_id: UUID
    ward: UUID
    purpose: str
    recipient: str
    given_at: datetime
    valid_until: datetime
    withdrawn_at: datetime | None = None


def new_code(entropy: bytes) -> str:
    """A code to read out or to type, of CODE_BYTES random bytes."""
    if len(entropy) != CODE_BYTES:
        raise ValueError(f"a code takes {CODE_BYTES} random bytes")
    return "".join(_SIGNS[byte % len(_SIGNS)] for byte in entropy)


def digest_of_code(typed: str) -> bytes | None:
    """What an invitation is found by; None for what is no code. Case, spaces and hyphens do not matter."""
    code = "".join(typed.upper().split()).replace("-", "")
    if len(code) != CODE_SIGNS or any(sign not in _SIGNS for sign in code):
        return None
    return sha256(b"tongguan/guardian-code/v1\0" + code.encode()).digest()


def comes_of_age(born: date, age: int) -> datetime:
    """The first moment of the birthday at which somebody is `age`, in Shanghai."""
    day = years_after(born, age)
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
