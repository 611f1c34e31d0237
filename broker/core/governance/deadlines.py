"""Dates that follow from an event: when to file, when an assessment runs out, how long a report is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from broker.core.governance.calendar import SHANGHAI, years_after
from broker.core.governance.decision import Ground
from broker.core.governance.policy import MAINLAND, Law, Policy
from broker.core.governance.rules import Rule

Event = Literal[
    "gba_contract_effective",
    "assessment_result",
    "pia_report",
    "standard_contract_effective",
    "certificate_issued",
    "faces_reached",
]


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
            "grounds": [self.ground.as_json()],
            "policy_hash": self.policy_hash,
        }


def deadline(event: Event, day: date, policy: Policy, *, place: str = MAINLAND) -> Deadline:
    """What follows from `event` on `day` (Shanghai) for a party in `place`, whose working days count where it files.

    Raises PolicyError when no rule was in force that day.
    """
    law = policy.at(datetime.combine(day, time(), SHANGHAI))
    return _EVENTS[event](event, day, law, place)


def _gba_contract(event: Event, day: date, law: Law, place: str) -> Deadline:
    """Filed within ten working days of taking effect; the day itself is not counted. Each party files at home."""
    rule = Rule.GBA_MACAU if place == "MO" else Rule.GBA_HONG_KONG
    return _filing(event, day, law, rule, law.rule(rule).numbers["filing_working_days"], place)


def _standard_contract(event: Event, day: date, law: Law, _: str) -> Deadline:
    rule = Rule.CN_CONTRACT_FILING
    return _filing(event, day, law, rule, law.rule(rule).numbers["working_days"], MAINLAND)


def _faces(event: Event, day: date, law: Law, _: str) -> Deadline:
    rule = Rule.CN_FACE_FILING
    return _filing(event, day, law, rule, law.rule(rule).numbers["working_days"], MAINLAND)


def _filing(event: Event, day: date, law: Law, rule: Rule, working_days: int, place: str) -> Deadline:
    calendar = law.calendars.get(place, law.calendar)
    due = calendar.after(day, working_days)
    return _deadline(event, law, rule, due=due, provisional=not calendar.published(day, due))


def _assessment(event: Event, day: date, law: Law, _: str) -> Deadline:
    """Valid three years from the result; an extension is asked for at least sixty working days before the end."""
    rule = law.rule(Rule.CN_ASSESSMENT_VALIDITY)
    expires = years_after(day, rule.numbers["years"])
    due = law.calendar.before(expires, rule.numbers["extension_working_days"])
    provisional = not law.calendar.published(due, expires)
    return _deadline(event, law, Rule.CN_ASSESSMENT_VALIDITY, due=due, expires=expires, provisional=provisional)


def _certificate(event: Event, day: date, law: Law, _: str) -> Deadline:
    """Valid three years."""
    rule = law.rule(Rule.CN_CERTIFICATE_VALIDITY)
    return _deadline(event, law, Rule.CN_CERTIFICATE_VALIDITY, expires=years_after(day, rule.numbers["years"]))


def _impact_report(event: Event, day: date, law: Law, _: str) -> Deadline:
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
    ground = Ground(provision.id.value, provision.cite, provision.confidence, provision.since.isoformat())
    return Deadline(event, due, expires, retain_until, provisional, ground, law.hash)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


_EVENTS: Mapping[Event, Callable[[Event, date, Law, str], Deadline]] = {
    "gba_contract_effective": _gba_contract,
    "assessment_result": _assessment,
    "pia_report": _impact_report,
    "standard_contract_effective": _standard_contract,
    "certificate_issued": _certificate,
    "faces_reached": _faces,
}
