"""Releases from Hong Kong: PDPO. Section 33 is not in force, so local law alone decides."""

from broker.core.governance import bay_area
from broker.core.governance.codes import Flag, Gate, Mechanism, Why
from broker.core.governance.combine import Ruling, combine
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.rules import Rule


def decide(facts: Facts, law: Law) -> Ruling:
    """Hong Kong's word on the release. To the Mainland a filed bay-area contract is the mechanism, by choice."""
    principles = law.rule(Rule.HK_PRINCIPLES)
    if facts.stays_inside:
        base = Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.INSIDE), principles))
    else:
        base = Ruling(Mechanism.LOCAL_LAW_ONLY, rules=(principles,), obligations=principles.obligations)
        if "gba_sc_filed" in facts.artefacts:
            routed = bay_area.route(facts, law, base)
            base = Ruling(
                mechanism=routed.mechanism,
                gate=routed.gate,
                rules=routed.rules,
                reasons=routed.reasons,
                obligations=principles.obligations,
            )
    return combine([base, _purpose(facts, law), _withdrawn(facts, law)])


def _purpose(facts: Facts, law: Law) -> Ruling:
    """DPP3: a new purpose needs prescribed consent; ss.59 and 60B except life and legal duties."""
    if facts.consent.purpose_match or facts.basis in ("emergency", "statutory"):
        return Ruling()
    return Ruling(
        gate=Gate.DENY,
        rules=(law.rule(Rule.HK_NEW_PURPOSE),),
        reasons=(Why.NO_SEPARATE_CONSENT,),
        flags=(Flag.CONSENT_OTHER_PURPOSE,),
    )


def _withdrawn(facts: Facts, law: Law) -> Ruling:
    if facts.basis != "consent" or not facts.consent.withdrawn:
        return Ruling()
    return Ruling(gate=Gate.DENY, rules=(law.rule(Rule.HK_WITHDRAWAL),), reasons=(Why.CONSENT_WITHDRAWN,))
