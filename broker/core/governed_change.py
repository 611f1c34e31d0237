"""Changes to how releases are graded and stopped, made by two operators together (specs/governed-changes.md).

A change is a statement in canonical bytes. It is in force only once two different active operators signed exactly those
bytes, for a stated time, and never for a moment before both had.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from broker.core.change_body import Kind, checked_body
from broker.core.denial import InvalidInput
from broker.core.staff import Role, Staff
from broker.wire import cbor
from broker.wire.errors import VerifyError
from broker.wire.fields import seconds

BINDS_AFTER: Final = timedelta(seconds=1)
"""From the second signature until the change binds: by then every worker has seen it, so no two decide differently."""
LONGEST: Final = timedelta(days=365)
LONGEST_EXCLUSION: Final = timedelta(hours=72)
SIGNED_WITHIN: Final = timedelta(days=7)
"""How long a proposal waits for its second signature."""
SIGNATURES: Final = 2
DOMAIN: Final = b"tongguan/governed-change/v1\x00"

MAX_STATEMENT: Final = 12_000
"""Bytes: an entry of the journal holds it whole."""
_MAX_REASON: Final = 500


class ChangeRefusal(StrEnum):
    """Why a signature was not taken."""

    OVER = "over"  # its time ended, or nobody signed within a week
    IN_FORCE = "in_force"  # two have signed already
    NOT_AN_OPERATOR = "not_an_operator"  # unknown, suspended, or of another role
    SIGNED_BEFORE = "signed_before"  # the same person twice
    BAD_SIGNATURE = "bad_signature"  # not of this key over these bytes


REFUSED: Final[Mapping[ChangeRefusal, str]] = {
    ChangeRefusal.OVER: "its time is over, or a week has passed since it was proposed",
    ChangeRefusal.IN_FORCE: "two have signed it already",
    ChangeRefusal.NOT_AN_OPERATOR: "only operators sign, and nobody who is suspended",
    ChangeRefusal.SIGNED_BEFORE: "you have signed it: another operator has to",
    ChangeRefusal.BAD_SIGNATURE: "that is no signature of your registered key over this change",
}


@dataclass(frozen=True, slots=True)
class ChangeSignature:
    """`value`: 64 bytes over `GovernedChange.statement()`."""

    staff_id: str
    value: bytes
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class GovernedChange:
    """One change. `since` and `until` in whole seconds; `in_force_at` None while a signature is missing.

    `origin`: the broker it was made for, so that a signature given to a test broker is good there alone.
    """

    change_id: UUID
    kind: Kind
    body: Mapping[str, Any]
    because: str
    origin: str
    since: datetime
    until: datetime
    proposed_by: str
    proposed_at: datetime
    signatures: tuple[ChangeSignature, ...] = ()
    in_force_at: datetime | None = None

    def statement(self) -> bytes:
        """What is signed: a tag and deterministic CBOR (RFC 8949 4.2.1) of everything that was proposed."""
        return DOMAIN + cbor.encode(
            {
                "change": self.change_id.bytes,
                "kind": self.kind.value,
                "body": self.body,
                "because": self.because,
                "origin": self.origin,
                "from": seconds(self.since),
                "until": seconds(self.until),
                "by": self.proposed_by,
                "at": seconds(self.proposed_at),
            }
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the statement."""
        return hashlib.sha256(self.statement()).digest()

    def signed_by(self, signature: ChangeSignature) -> "GovernedChange":
        return replace(self, signatures=(*self.signatures, signature))

    def waits_until(self) -> datetime:
        """Until when it can be signed."""
        return min(self.until, self.proposed_at + SIGNED_WITHIN)


def propose(
    *,
    change_id: UUID,
    kind: Kind,
    body: Mapping[str, Any],
    because: str,
    origin: str,
    since: datetime,
    until: datetime,
    proposed_by: str,
    at: datetime,
) -> GovernedChange:
    """A checked proposal without signatures. Raises InvalidInput."""
    since, until, at = (moment.replace(microsecond=0) for moment in (since, until, at))
    if since < at:
        raise InvalidInput("retroactive", "a change begins now or later")
    if not since < until <= since + (LONGEST_EXCLUSION if kind is Kind.EXCLUSION else LONGEST):
        raise InvalidInput(
            "bad_period", "a change ends after it began, an exclusion within 72 hours, others within a year"
        )
    if since > at + LONGEST:
        raise InvalidInput("bad_period", "a change begins within a year")
    if not because.strip() or len(because) > _MAX_REASON or not because.isprintable():
        raise InvalidInput("bad_reason", f"the reason has 1 to {_MAX_REASON} printable characters and one line")
    change = GovernedChange(change_id, kind, checked_body(kind, body), because, origin, since, until, proposed_by, at)
    if len(change.statement()) > MAX_STATEMENT:
        raise InvalidInput("too_large", f"the statement of a change has at most {MAX_STATEMENT} bytes")
    return change


def check_signature(
    change: GovernedChange, member: Staff | None, signature: bytes, at: datetime
) -> ChangeRefusal | ChangeSignature:
    """Whether the member may sign this change now, and has."""
    if member is None or not member.may(Role.OPERATOR):
        return ChangeRefusal.NOT_AN_OPERATOR
    if change.in_force_at is not None:
        return ChangeRefusal.IN_FORCE
    if at >= change.waits_until():
        return ChangeRefusal.OVER
    if any(given.staff_id == member.staff_id for given in change.signatures):
        return ChangeRefusal.SIGNED_BEFORE
    try:
        member.key.verify(signature, change.statement())
    except VerifyError:
        return ChangeRefusal.BAD_SIGNATURE
    return ChangeSignature(member.staff_id, signature, at)


def completed(change: GovernedChange, signers: Mapping[str, Staff], at: datetime) -> GovernedChange:
    """The change in force, if two of its signers may sign now: a signer suspended meanwhile no longer counts."""
    valid = {given.staff_id for given in change.signatures if given.staff_id in signers}
    if sum(signers[staff_id].may(Role.OPERATOR) for staff_id in valid) < SIGNATURES:
        return change
    return replace(change, in_force_at=max(change.since, at + BINDS_AFTER))


def is_spent(change: GovernedChange, at: datetime, *, kept: timedelta) -> bool:
    """Whether nobody will ask what it says any more: it can be signed no longer, or its time ended `kept` ago."""
    return at >= (change.waits_until() if change.in_force_at is None else change.until + kept)


def is_sound(change: GovernedChange, signers: Mapping[str, Staff]) -> bool:
    """Whether a change that is said to be in force carries what makes it so: two good signatures of two people who had
    not been suspended when they signed. Their roles are not asked again: what was in force stays.
    """
    statement, sound = change.statement(), set[str]()
    for given in change.signatures:
        member = signers.get(given.staff_id)
        if member is None or (member.suspended_at is not None and member.suspended_at <= given.signed_at):
            continue
        try:
            member.key.verify(given.value, statement)
        except VerifyError:
            continue
        sound.add(given.staff_id)
    return len(sound) >= SIGNATURES and change.in_force_at is not None and change.in_force_at >= change.since
