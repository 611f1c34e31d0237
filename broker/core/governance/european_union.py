"""Releases from the European Union: GDPR chapter V, EDPB Opinion 11/2024 and the WP248 test."""

from collections.abc import Iterator

from broker.core.governance.codes import Gate, Mechanism, Why
from broker.core.governance.combine import Ruling, combine
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.policy_data import Provision
from broker.core.governance.rules import Rule


def decide(facts: Facts, law: Law) -> Ruling:
    """The Union's word on the release."""
    central = law.find(Rule.EU_CENTRAL_TEMPLATES)
    if central and facts.template_storage == "central_operator_key":
        # A template the operator can open, kept centrally and searched 1:N: scenario 3, incompatible with arts 25, 32.
        return Ruling(Mechanism.PROHIBITED, Gate.DENY, rules=(central,), reasons=(Why.EDPB_SCENARIO_3,))
    transfer = law.rule(Rule.EU_TRANSFER)
    if facts.stays_inside or facts.recipient.jurisdiction in transfer.terms["members"]:
        base = Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.INSIDE),))
    elif facts.recipient.jurisdiction in transfer.terms["adequate"]:
        base = Ruling(Mechanism.LOCAL_LAW_ONLY, rules=(transfer,))
    else:
        grounds = (transfer, law.rule(Rule.EU_DEROGATION))
        base = Ruling(Mechanism.LOCAL_LAW_ONLY, rules=grounds, obligations=transfer.obligations)
    return combine([base, *_consent(facts, law), *_special(facts, law), *_child(facts, law), *_impact(facts, law)])


def wp248_criteria(facts: Facts, law: Law) -> tuple[str, ...]:
    """Which of the nine WP248 criteria the facts show; the other four cannot be read from a release."""
    rule = law.rule(Rule.EU_IMPACT_ASSESSMENT)
    categories = law.categories_of(facts.data.categories)
    shown = {
        "sensitive_data": any(c.gdpr_special for c in categories),
        "large_scale": facts.recipient_ytd_after >= rule.numbers["large_scale_from"],
        "matching": facts.linkage >= rule.numbers["matching_from"],
        "vulnerable_persons": facts.subjects.min_age < rule.numbers["minor_below"],
        "innovative_technology": any(c.us_class == "biometric" for c in categories),
    }
    return tuple(name for name, holds in shown.items() if holds)


def _consent(facts: Facts, law: Law) -> Iterator[Ruling]:
    if facts.basis != "consent":
        return
    yield from _faults(facts, law.rule(Rule.EU_DEROGATION))


def _special(facts: Facts, law: Law) -> Iterator[Ruling]:
    """Special categories need explicit consent even beside a contract; the other bases have a ground of their own."""
    rule = law.rule(Rule.EU_SPECIAL)
    if not any(category.gdpr_special for category in law.categories_of(facts.data.categories)):
        return
    yield Ruling(rules=(rule,))
    if facts.basis in ("consent", "contract"):
        yield from _faults(facts, rule)


def _child(facts: Facts, law: Law) -> Iterator[Ruling]:
    """A child's own consent does not carry: whoever holds parental responsibility gives it."""
    rule = law.rule(Rule.EU_CHILDREN)
    young = facts.subjects.min_age < rule.numbers["age_below"]
    if facts.basis == "consent" and young and facts.consent.guardian is not True:
        yield _denied(rule, Why.GUARDIAN_CONSENT_MISSING)


def _faults(facts: Facts, rule: Provision) -> Iterator[Ruling]:
    consent = facts.consent
    if consent.withdrawn:
        yield _denied(rule, Why.CONSENT_WITHDRAWN)
    if not consent.separate or consent.bundled or not consent.purpose_match:
        yield _denied(rule, Why.NO_SEPARATE_CONSENT)


def _impact(facts: Facts, law: Law) -> Iterator[Ruling]:
    rule = law.rule(Rule.EU_IMPACT_ASSESSMENT)
    if len(wp248_criteria(facts, law)) < rule.numbers["criteria_from"]:
        return
    if facts.pia_done:
        yield Ruling(rules=(rule,), obligations=rule.obligations)
    else:
        yield _denied(rule, Why.PIA_MISSING)


def _denied(rule: Provision, why: Why) -> Ruling:
    return Ruling(gate=Gate.DENY, rules=(rule,), reasons=(why,))
