"""One release that was drawn to be looked at, and what an auditor found (specs/sampling.md 4)."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from broker.core.sampling import Stratum
from broker.core.staff import Role, Staff

CLAIMED: Final = "auditor:sample:claimed"
LOOKED: Final = "auditor:sample:looked"
OPENED: Final = "auditor:sample:opened"
FOUND: Final = "auditor:sample:found"
SETTLED: Final = "auditor:sample:settled"

CLAIM_LASTS: Final = timedelta(days=7)
"""A sample claimed and not found on by then goes back into the queue."""
MAX_TEXT: Final = 2000
MIN_REASON: Final = 10
NONCE_BYTES: Final = 16


class SampleState(StrEnum):
    """Where a sample stands. Members stand in order."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    FOLLOWED = "followed"
    """There is a finding, and something is to be done about it."""
    CLOSED = "closed"


class Verdict(StrEnum):
    """What an auditor finds of a release."""

    LAWFUL = "lawful"
    DOUBTFUL = "doubtful"
    UNLAWFUL = "unlawful"


class Ground(StrEnum):
    """For what an auditor opens the personal part of an entry; the journal says it in the clear."""

    FIELDS = "fields"
    """The finding depends on which fields left, or on which consent."""
    COMPLAINT = "complaint"
    CONTRADICTION = "contradiction"
    """The record contradicts itself or another one."""


class SampleRefused(StrEnum):
    """Why an auditor's act was not done."""

    UNKNOWN = "unknown"
    NOT_YOURS = "not_yours"
    """Another auditor has it, or nobody: claim it first."""
    DONE = "done"
    CLOSED_TO_YOU = "closed_to_you"
    """Who operates the broker does not audit it."""
    ERASED = "erased"
    """The person's key is gone, or the entry is about nobody."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`nonce` hides the text behind the hash that the journal has of it."""

    verdict: Verdict
    text: str
    follow_up: str
    nonce: bytes
    at: datetime

    @property
    def text_hash(self) -> bytes:
        """SHA-256(nonce || text || 0x00 || follow-up)."""
        return sha256(self.nonce + self.text.encode() + b"\0" + self.follow_up.encode()).digest()


@dataclass(frozen=True, slots=True)
class Sample:
    """A release drawn: `release` is its leaf hash, `position` its place in the log; `late`: drawn because it came after
    the seed was revealed. `hour` as in its entry.
    """

    release: bytes
    position: int
    day: date
    hour: datetime
    kind: str
    stratum: Stratum
    late: bool = False
    state: SampleState = SampleState.WAITING
    auditor: str | None = None
    claimed_at: datetime | None = None
    finding: Finding | None = None
    closed_at: datetime | None = None

    def held_by(self, auditor: str, *, at: datetime) -> bool:
        """Whether it is this auditor's to find on."""
        return self.state is SampleState.CLAIMED and self.auditor == auditor and not self.lapsed(at)

    def lapsed(self, at: datetime) -> bool:
        """Whether a claim has run out: anybody may claim it anew."""
        return self.state is SampleState.CLAIMED and self.claimed_at is not None and at >= self.claimed_at + CLAIM_LASTS

    def settled(self, at: datetime) -> "Sample":
        """What was to be done is done."""
        return replace(self, state=SampleState.CLOSED, closed_at=at)

    def found(self, finding: Finding) -> "Sample":
        """With its finding: closed, unless something is to be done."""
        if finding.follow_up:
            return replace(self, state=SampleState.FOLLOWED, finding=finding)
        return replace(self, state=SampleState.CLOSED, finding=finding, closed_at=finding.at)


def may_audit(member: Staff) -> bool:
    """An auditor who does not operate the broker as well: nobody judges their own work."""
    return member.may(Role.AUDITOR) and Role.OPERATOR not in member.roles


def checked_finding(verdict: str, text: str, follow_up: str, *, nonce: bytes, at: datetime) -> Finding:
    """What an auditor wrote. Raises ValueError, with what is wrong, unless it can stand."""
    text, follow_up = text.strip(), follow_up.strip()
    if verdict not in set(Verdict):
        raise ValueError("a finding is lawful, doubtful or unlawful")
    if max(len(text), len(follow_up)) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} characters")
    if verdict != Verdict.LAWFUL and not text:
        raise ValueError("say why it is not lawful beyond doubt")
    if verdict == Verdict.UNLAWFUL and not follow_up:
        raise ValueError("say what is to be done about an unlawful release")
    return Finding(Verdict(verdict), text, follow_up, nonce, at)


def checked_reason(ground: str, reason: str) -> tuple[Ground, str]:
    """For what, and why, a personal part is opened. Raises ValueError."""
    reason = reason.strip()
    if ground not in set(Ground):
        raise ValueError("choose for what the personal part is opened")
    if not MIN_REASON <= len(reason) <= MAX_TEXT:
        raise ValueError(f"write the reason, in {MIN_REASON} to {MAX_TEXT} characters")
    return Ground(ground), reason
