"""What was decided about one release, and why: a value to answer, to show, and to journal."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from broker.core.governance.codes import Band, Duty, Flag, Gate, Mechanism, Subtype, Why
from broker.core.governance.counters import Counters
from broker.core.governance.overlay import Grade


@dataclass(frozen=True, slots=True)
class Ground:
    """A rule the decision rests on: its id, where it is written, how sure the reading is, and since when (ISO 8601) the
    edition applied has been in force.
    """

    rule: str
    cite: str
    confidence: str
    since: str

    def as_json(self) -> dict[str, str]:
        return {"rule": self.rule, "citation": self.cite, "confidence": self.confidence, "in_force_since": self.since}


@dataclass(frozen=True, slots=True)
class Decision:
    """One release decided.

    `counters` None: the law of origin keeps no count. `policy_hash`: SHA-256 (hex) of the rules in force at its time.
    """

    decision: Mechanism
    gate: Gate
    subtype: Subtype | None
    grounds: tuple[Ground, ...]
    reasons: tuple[Why, ...]
    flags: tuple[Flag, ...]
    obligations: tuple[Duty, ...]
    alternatives: tuple[Mechanism, ...]
    counters: Counters | None
    grade: Grade
    dates: tuple[tuple[str, str], ...]
    policy_hash: str

    @property
    def band(self) -> Band:
        return self.grade.band

    @property
    def score(self) -> int:
        return self.grade.score

    @property
    def citations(self) -> tuple[str, ...]:
        return tuple(ground.cite for ground in self.grounds)

    def as_json(self) -> dict[str, Any]:
        """Plain values under the names of specs/governance.md, section 7."""
        counters, dates = self.counters, dict(self.dates)
        return {
            "decision": self.decision.value,
            "gate": self.gate.value,
            "subtype": None if self.subtype is None else self.subtype.value,
            "reasons": [reason.value for reason in self.reasons],
            "flags": [flag.value for flag in self.flags],
            "obligations": [duty.value for duty in self.obligations],
            "alternatives": [mechanism.value for mechanism in self.alternatives],
            "overlay": self.band.value,
            "band": self.band.value,
            "score": self.score,
            "score_parts": dict(self.grade.parts),
            "graded_q_eff": _number(self.grade.quantity),
            "graded_exceeded": self.grade.exceeded,
            "counter_year": None if counters is None else counters.year,
            "counter_after": None if counters is None else counters.nonsensitive,
            "counter_after_sensitive": None if counters is None else counters.sensitive,
            "counters": None if counters is None else _counters(counters),
            "dates": dates,
            "due": dates.get("due"),
            "expires": dates.get("expires"),
            "retain_until": dates.get("retain_until"),
            "citations": list(self.citations),
            "grounds": [ground.as_json() for ground in self.grounds],
            "policy_hash": self.policy_hash,
        }


def _counters(counters: Counters) -> dict[str, Any]:
    return {
        "year": counters.year,
        "counted": counters.counted,
        "net": {"nonsensitive": counters.nonsensitive, "sensitive": counters.sensitive},
        "gross": {"nonsensitive": counters.gross_nonsensitive, "sensitive": counters.gross_sensitive},
        "warnings": [
            {"class": w.counted_class, "threshold": w.threshold, "percent": w.percent} for w in counters.warnings
        ],
    }


def _number(quantity: Fraction | None) -> int | float | None:
    if quantity is None:
        return None
    return quantity.numerator if quantity.denominator == 1 else float(quantity)
