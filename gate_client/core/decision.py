"""From what each check found to one decision. Nothing is cleared by default: every required check must have passed."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from broker.wire.gate_api import CrossingMode, Decision, Liveness
from broker.wire.reasons import Reason

Reasons = tuple[Reason, ...]


class Check(StrEnum):
    """One thing that must hold before an exit opens."""

    CLOCK = "clock"
    TRAVEL_PASS = "travel_pass"  # noqa: S105 - a check, not a credential
    RESERVATION = "reservation"
    TEMPLATE = "template"
    FACE = "face"


REQUIRED = frozenset(Check)

# Reasons that lie in the code alone. The traveller stands outside, nothing was opened, and a fresh code or a manual
# lane is the whole remedy. Everything else needs an officer's eyes.
REFUSING = frozenset(
    {
        Reason.NO_QR,
        Reason.MALFORMED_QR,
        Reason.MALFORMED_BASE45,
        Reason.MALFORMED_CBOR,
        Reason.MALFORMED_COSE,
        Reason.MALFORMED_CLAIMS,
        Reason.UNKNOWN_KEY,
        Reason.BAD_SIGNATURE,
        Reason.EXPIRED,
        Reason.NOT_YET_VALID,
        Reason.WRONG_ZONE,
        Reason.PROOF_STALE,
        Reason.PROOF_FORGED,
        Reason.REVOKED,
        Reason.ALREADY_RESERVED,
        Reason.ALREADY_SPENT,
        Reason.CONSENT_WITHDRAWN,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. No reasons means it passed."""

    check: Check
    reasons: Reasons = ()

    @property
    def passed(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Score:
    """A comparison score and the threshold of the embedder set that made it: similarities, higher is closer."""

    value: float
    threshold: float
    embedders: str

    @property
    def same_person(self) -> bool:
        return self.value >= self.threshold  # false for NaN on either side


@dataclass(frozen=True, slots=True)
class Ruling:
    """The lane's answer about one presentation. `liveness` is always stated: this gate does not assess it yet."""

    decision: Decision
    reasons: Reasons
    mode: CrossingMode
    score: Score | None = None
    liveness: Liveness = Liveness.NOT_ASSESSED

    def __post_init__(self) -> None:
        if (self.decision is Decision.CLEARED) == bool(self.reasons):
            raise ValueError("a denial carries reasons and a clearance carries none")


def decide(findings: Iterable[Finding], *, score: Score | None, mode: CrossingMode) -> Ruling:
    """Combine findings: cleared only when every required check passed, none failed, and the score agrees.

    A denial carries every reason found, in the order found. A check that never ran counts against clearing: with no
    reason of its own to show, it is a lane fault.
    """
    found = tuple(findings)
    reasons = distinct(reason for finding in found for reason in finding.reasons)
    passed = {finding.check for finding in found if finding.passed}
    if not reasons and (passed < REQUIRED or score is None or not score.same_person):
        reasons = (Reason.LANE_FAULT,)
    if not reasons:
        return Ruling(Decision.CLEARED, (), mode, score)
    decision = Decision.REFUSED if REFUSING.issuperset(reasons) else Decision.REFERRED
    return Ruling(decision, reasons, mode, score)


def refer(*reasons: Reason, mode: CrossingMode, score: Score | None = None) -> Ruling:
    """An officer decides, for reasons that arose outside the ordinary checks."""
    return Ruling(Decision.REFERRED, distinct(reasons) or (Reason.LANE_FAULT,), mode, score)


def distinct(reasons: Iterable[Reason]) -> Reasons:
    """Each reason once, in the order first given."""
    return tuple(dict.fromkeys(reasons))
