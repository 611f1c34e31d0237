"""Dates that follow from an event: when to file, when an assessment runs out, how long a report is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from broker.core.governance.calendar import SHANGHAI, years_after
from broker.core.governance.decision import Ground
from broker.core.governance.policy import Law, Policy
from broker.core.governance.rules import Rule

Event = Literal["gba_contract_effective", "assessment_result", "pia_report"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """`due`: the last day to act. `expires`: the day a result ends. `retain_until`: the earliest day of disposal.

    `provisional`: a year is touched whose holidays are not published, where Monday to Friday were counted.
    """

    event: Event
    due: date | None
    expires: date | None
    retain_until: date | None
    provisional: bool
    ground: Ground
    policy_hash: str

    def as_json(self) -> dict[str, Any]:
        """Plain values; `decision` and `gate` are "n/a", since nothing is released."""
        return {
            "decision": "n/a",
            "gate": "n/a",
            "event": self.event,
            "due": _iso(self.due),
            "expires": _iso(self.expires),
            "retain_until": _iso(self.retain_until),
            "provisional": self.provisional,
            "citations": [self.ground.cite],
            "grounds": [{"rule": self.ground.rule, "citation": self.ground.cite, "confidence": self.ground.confidence}],
            "policy_hash": self.policy_hash,
        }


def deadline(event: Event, day: date, policy: Policy) -> Deadline:
    """What follows from `event` on `day` (Shanghai). Raises PolicyError when no rule was in force that day."""
    law = policy.at(datetime.combine(day, time(), SHANGHAI))
    return _EVENTS[event](event, day, law)


def _gba_contract(event: Event, day: date, law: Law) -> Deadline:
    """Filed within ten working days of taking effect; the day itself is not counted."""
    rule = law.rule(Rule.GBA_HONG_KONG)
    due = law.calendar.after(day, rule.numbers["filing_working_days"])
    return _deadline(event, law, Rule.GBA_HONG_KONG, due=due, provisional=not law.calendar.published(day, due))


def _assessment(event: Event, day: date, law: Law) -> Deadline:
    """Valid three years from the result; an extension is asked for at least sixty working days before the end."""
    rule = law.rule(Rule.CN_ASSESSMENT_VALIDITY)
    expires = years_after(day, rule.numbers["years"])
    due = law.calendar.before(expires, rule.numbers["extension_working_days"])
    provisional = not law.calendar.published(due, expires)
    return _deadline(event, law, Rule.CN_ASSESSMENT_VALIDITY, due=due, expires=expires, provisional=provisional)


def _impact_report(event: Event, day: date, law: Law) -> Deadline:
    """Kept three years at least."""
    rule = law.rule(Rule.CN_IMPACT_RETENTION)
    return _deadline(event, law, Rule.CN_IMPACT_RETENTION, retain_until=years_after(day, rule.numbers["years"]))


def _deadline(
    event: Event,
    law: Law,
    rule: Rule,
    *,
    due: date | None = None,
    expires: date | None = None,
    retain_until: date | None = None,
    provisional: bool = False,
) -> Deadline:
    provision = law.rule(rule)
    ground = Ground(provision.id.value, provision.cite, provision.confidence)
    return Deadline(event, due, expires, retain_until, provisional, ground, law.hash)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


_EVENTS: Mapping[Event, Callable[[Event, date, Law], Deadline]] = {
    "gba_contract_effective": _gba_contract,
    "assessment_result": _assessment,
    "pia_report": _impact_report,
}
