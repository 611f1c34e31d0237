"""A member of staff begins a session: a challenge, a signature, a link, a cookie (specs/staff.md 2)."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from broker.core.jws import to_base64url
from broker.core.staff import (
    CHALLENGE_BYTES,
    CHALLENGE_LIFETIME,
    LINK_LIFETIME,
    SESSION_LIFETIME,
    Staff,
    sign_in_statement,
)
from broker.flows.ports import Entry, Work
from broker.wire.errors import VerifyError
from broker.wire.keys import Entropy, PublicKey
from broker.wire.registry import Alg, KeyUse

# The base point of Ed25519 (RFC 8032 5.1): whoever has no key is checked against it, and takes as long to be refused.
_NOBODY: Final = PublicKey.of_point(Alg.EDDSA, KeyUse.STAFF, b"\x58" + b"\x66" * 31)


@dataclass(frozen=True, slots=True)
class Challenge:
    """32 random bytes to sign, until `expires_at` (whole seconds, as they are signed)."""

    value: bytes
    expires_at: datetime


def challenge_staff(work: Work, *, staff_id: str, at: datetime, entropy: Entropy) -> Challenge:
    """A fresh challenge for that id, whether anybody has it or not."""
    made = Challenge(entropy(CHALLENGE_BYTES), (at + CHALLENGE_LIFETIME).replace(microsecond=0))
    work.staff.keep_challenge(_digest(made.value), staff_id, until=made.expires_at, at=at)
    return made


def prove_staff(
    work: Work, *, staff_id: str, challenge: bytes, signature: bytes, origin: str, at: datetime, entropy: Entropy
) -> str | None:
    """Use up the challenge; for a good signature of an active member the secret of a link, 256 bits. None otherwise:
    nobody is told whether id, challenge, time or signature was wrong.
    """
    expires_at = work.staff.take_challenge(_digest(challenge), staff_id, at)
    member = work.staff.find(staff_id)
    active = member is not None and member.active
    statement = sign_in_statement(
        challenge=challenge, origin=origin, staff_id=staff_id, expires_at=expires_at if expires_at is not None else at
    )
    try:
        (member.key if member is not None else _NOBODY).verify(signature, statement)
    except VerifyError:
        return None
    if expires_at is None or not active:
        return None
    secret = to_base64url(entropy(32))
    work.staff.keep_link(_digest(secret.encode()), staff_id, until=at + LINK_LIFETIME)
    return secret


def whose_link(work: Work, secret: str, at: datetime) -> Staff | None:
    """Who would sign in with that link. It stands on."""
    return work.staff.linked(_digest(secret.encode()), at)


def enter_staff(work: Work, secret: str, *, at: datetime, entropy: Entropy) -> str | None:
    """Use up the link; the secret of a session, 256 bits. None when it was used, is over, or its member suspended."""
    member = work.staff.take_link(_digest(secret.encode()), at)
    if member is None:
        return None
    session = to_base64url(entropy(32))
    known_as = _digest(session.encode())
    work.staff.open_session(known_as, member.staff_id, until=at + SESSION_LIFETIME, at=at)
    work.journal.append(_entry("opened", member.staff_id, known_as), at=at, entropy=entropy)
    return session


def staff_session(work: Work, session: str, at: datetime) -> Staff | None:
    """Who is signed in by that secret."""
    return work.staff.session(_digest(session.encode()), at)


def leave_staff(work: Work, session: str, *, at: datetime, entropy: Entropy) -> None:
    """End the session; harmless when it ended before."""
    known_as = _digest(session.encode())
    owner = work.staff.end_session(known_as)
    if owner is not None:
        work.journal.append(_entry("ended", owner, known_as), at=at, entropy=entropy)


def _entry(verb: str, staff_id: str, known_as: bytes) -> Entry:
    return Entry(f"staff:session:{verb}", {"staff": staff_id, "session": known_as[:8].hex()})


def _digest(secret: bytes) -> bytes:
    """Every secret here has 256 random bits, so it needs neither salt nor stretching, and is found by its digest: no
    comparison tells how near a guess was.
    """
    return sha256(secret).digest()
