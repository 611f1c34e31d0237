"""Gates, the invitations they enrol with, and what they report."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

INVITATION_LIFETIME = timedelta(hours=24)
CODE_BYTES = 10


@dataclass(frozen=True, slots=True)
class Gate:
    """One enrolled gate. `public_key` is its COSE_Key; `kid` is derived from it."""

    gate_id: str
    zone: str
    kid: bytes
    public_key: bytes
    enrolled_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time enrolment code, kept as its digest. `used_by` is the kid of the gate that used it."""

    digest: bytes
    gate_id: str
    zone: str
    expires_at: datetime
    used_by: bytes | None = None


def invitation_code(random: bytes) -> str:
    """80 random bits as four groups of four base32 letters, to be typed at a gate's console."""
    if len(random) != CODE_BYTES:
        raise ValueError(f"an invitation code is made of {CODE_BYTES} random bytes")
    text = base64.b32encode(random).decode()
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


def invitation_digest(code: str) -> bytes:
    """SHA-256 of the code without its dashes, spaces and case. 80 random bits need no slow hash."""
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(b"tongguan/invitation/v1\0" + plain.encode()).digest()
