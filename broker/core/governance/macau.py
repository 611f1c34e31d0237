"""Releases from Macau: Law 8/2005."""

from broker.core.governance import bay_area
from broker.core.governance.codes import Gate, Mechanism, Why
from broker.core.governance.combine import Ruling, combine
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.rules import Rule


def decide(facts: Facts, law: Law) -> Ruling:
    """Macau's word on the release. To the Mainland a filed bay-area contract is the mechanism."""
    sensitive = _sensitive(facts, law)
    if sensitive.mechanism is Mechanism.PROHIBITED:
        return sensitive
    if facts.stays_inside:
        return combine([Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.INSIDE),)), sensitive])
    transfer, combination = law.rule(Rule.MO_TRANSFER), law.rule(Rule.MO_COMBINATION)
    duties = (*transfer.obligations, *combination.obligations)
    base = Ruling(Mechanism.LOCAL_LAW_ONLY, rules=(transfer, combination), obligations=duties)
    if "gba_sc_filed" in facts.artefacts:
        routed = bay_area.route(facts, law, base)
        base = Ruling(routed.mechanism, routed.gate, routed.rules, routed.reasons, obligations=duties)
    return combine([base, sensitive, _derogation(facts, law)])


def _sensitive(facts: Facts, law: Law) -> Ruling:
    """Article 7 forbids sensitive data but on explicit consent, a legal provision, vital interests or authorisation."""
    if not any(category.macau_sensitive for category in law.categories_of(facts.data.categories)):
        return Ruling()
    rule = law.rule(Rule.MO_SENSITIVE)
    if facts.basis in ("emergency", "statutory") or "pdpb_authorisation" in facts.artefacts:
        return Ruling(rules=(rule,))
    why = _consent_fault(facts)
    if why is None:
        return Ruling(rules=(rule,))
    return Ruling(Mechanism.PROHIBITED, Gate.DENY, rules=(rule,), reasons=(why,))


def _derogation(facts: Facts, law: Law) -> Ruling:
    """Article 20: without an adequacy finding, unambiguous consent or another derogation carries the transfer."""
    if facts.basis != "consent" or "pdpb_authorisation" in facts.artefacts:
        return Ruling()
    why = _consent_fault(facts)
    if why is None:
        return Ruling()
    return Ruling(gate=Gate.DENY, rules=(law.rule(Rule.MO_TRANSFER),), reasons=(why,))


def _consent_fault(facts: Facts) -> Why | None:
    consent = facts.consent
    if consent.withdrawn:
        return Why.CONSENT_WITHDRAWN
    if not consent.separate or consent.bundled or not consent.purpose_match:
        return Why.NO_SEPARATE_CONSENT
    return None
