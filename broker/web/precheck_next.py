"""What to do after an answer of the pre-check, in plain words."""

from collections.abc import Iterator

from broker.core.governance.codes import Band, Gate, Mechanism
from broker.core.governance.decision import Decision
from broker.web.messages import catalogue


def next_steps(decision: Decision, language: str) -> list[str]:
    """One sentence a step, the first thing to do first."""
    words = catalogue(language)["precheck_next"]
    return [words[step] for step in dict.fromkeys(_steps(decision))]


def _steps(decision: Decision) -> Iterator[str]:
    if decision.gate is Gate.DENY:
        yield from (reason.value for reason in decision.reasons)
    if decision.gate is Gate.HOLD:
        yield from _waits_for(decision)
    if decision.gate is Gate.ALLOW_WITH_CONDITIONS:
        yield "conditions"
    if decision.gate.permits:
        yield "allow"
    else:
        yield "ask_again"


def _waits_for(decision: Decision) -> Iterator[str]:
    yield from (reason.value for reason in decision.reasons)
    yield from (f"alternative_{mechanism.value}" for mechanism in decision.alternatives)
    if decision.subtype is not None:
        yield decision.subtype.value
    elif decision.decision in (Mechanism.SCC_OR_CERTIFICATION, Mechanism.SECURITY_ASSESSMENT):
        yield decision.decision.value
    if "us_cisa_security_requirements" in decision.obligations:
        yield "us_cisa"
    if decision.band is Band.RED:
        yield "red"
