"""The decision, on one page: law of origin, restrictions, combination, overlay, counters."""

from collections.abc import Callable, Mapping

from broker.core.governance import (
    counters,
    european_union,
    hong_kong,
    macau,
    mainland,
    mainland_gate,
    overlay,
    restrictions,
    united_states,
)
from broker.core.governance.combine import Ruling, combine
from broker.core.governance.decision import Decision, Ground
from broker.core.governance.facts import Facts, FactsError
from broker.core.governance.policy import MAINLAND, Law, Policy
from broker.core.governance.rules import Rule

Regime = Callable[[Facts, Law], Ruling]

_REGIMES: Mapping[str, Regime] = {
    MAINLAND: mainland.decide,
    "HK": hong_kong.decide,
    "MO": macau.decide,
    "US": united_states.decide,
}


def decide(facts: Facts, policy: Policy) -> Decision:
    """Whether and how the release may take place, under the rules in force at `facts.at`.

    A denial is a value. Raises FactsError for facts the rules cannot place (an unknown category or origin) and
    PolicyError when the rules cannot decide; either way nothing is permitted.
    """
    law = policy.at(facts.at)
    # (1) The law of origin: prohibitions, mechanism, consent and impact assessment.
    ruling = combine([_regime(facts, law)(facts, law), *restrictions.rulings(facts, law)])
    # (2) Our own grading, which may only tighten that. It grades exports: what stays inside is told its band alone.
    graded = overlay.grade(facts, law)
    final = ruling if facts.stays_inside else overlay.tighten(ruling, graded, law)
    # (3) What the year's count becomes, where the law of origin keeps one.
    counts = facts.exporter.origin == MAINLAND
    filing = mainland_gate.face_filing_due(facts, law) if counts else None
    return Decision(
        decision=final.decided,
        gate=final.gate,
        subtype=final.subtype,
        grounds=tuple(Ground(str(rule.id), rule.cite, rule.confidence, rule.since.isoformat()) for rule in final.rules)
        + _overlay_ground(final, ruling, law),
        reasons=final.reasons,
        flags=final.flags,
        obligations=final.obligations,
        alternatives=final.alternatives,
        counters=counters.after(facts, law, counted=final.counted) if counts else None,
        grade=graded,
        dates=() if filing is None else (("due", filing),),
        policy_hash=law.hash,
    )


def _regime(facts: Facts, law: Law) -> Regime:
    origin = facts.exporter.origin
    if origin in _REGIMES:
        return _REGIMES[origin]
    if origin in law.rule(Rule.EU_TRANSFER).terms["members"]:
        return european_union.decide
    raise FactsError(f"no rules are known for releases from {origin!r}; known: {', '.join(_REGIMES)}, EU")


def _overlay_ground(final: Ruling, lawful: Ruling, law: Law) -> tuple[Ground, ...]:
    """The overlay is named as a ground only where it changed the answer."""
    if final.gate is lawful.gate and final.obligations == lawful.obligations:
        return ()
    return (Ground("overlay", law.overlay.cite, law.overlay.confidence, law.overlay.since.isoformat()),)
