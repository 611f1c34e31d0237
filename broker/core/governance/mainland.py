"""Releases from the Mainland: PIPL, CAC Order 16 and NDSMR, in the order in which they exclude one another.

(1) prohibitions; (2) no export at all; (3) important data; (4) state organs; (5) declared exclusion;
(6) scenario exemptions; (7) free-trade-zone list; (8) critical infrastructure; (9) counts; (10) bay-area contract.
Consent, impact assessment and standing duties (mainland_gate.py) are asked of whatever that leads to.

Critical infrastructure comes after the exemptions of arts 3 to 6 because the last sentence of art 7 leaves them
untouched; only art 5(1)(4), the volume exemption, excludes such operators, so it is asked last.
"""

from broker.core.governance import bay_area, mainland_gate
from broker.core.governance.codes import Flag, Gate, Mechanism, Subtype, Why
from broker.core.governance.combine import Ruling, combine
from broker.core.governance.facts import Artefact, Basis, Facts
from broker.core.governance.policy import Law
from broker.core.governance.policy_data import Provision
from broker.core.governance.rules import Rule

# Order 16 art 5(1)(1)-(3) and NDSMR 35(6): the basis that opens each, and whether a declared exclusion suspends it.
_SCENARIOS: tuple[tuple[Basis, Rule, bool], ...] = (
    ("emergency", Rule.CN_EMERGENCY, False),
    ("statutory", Rule.CN_STATUTORY_DUTY, False),
    ("contract", Rule.CN_CONTRACT, True),
    ("hr", Rule.CN_HR, True),
)
_EITHER_CONTRACT: frozenset[Artefact] = frozenset({"scc_filed", "certification", "assessment_passed"})
_ASSESSMENT: frozenset[Artefact] = frozenset({"assessment_passed"})


def decide(facts: Facts, law: Law) -> Ruling:
    """The Mainland's word on the release."""
    prohibited = _prohibited(facts, law)
    if prohibited is not None:
        return prohibited
    if facts.stays_inside:
        inside = Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.INSIDE),))
        return combine([inside, *mainland_gate.domestic(facts, law), *mainland_gate.duties(facts, law)])
    return combine(
        [
            *_remote(facts, law),
            _mechanism(facts, law),
            *_suspected(facts, law),
            *mainland_gate.export(facts, law),
            *mainland_gate.duties(facts, law),
        ]
    )


def is_sensitive(facts: Facts, law: Law) -> bool:
    """Whether the release holds sensitive personal information: by category, or by age (PIPL 28)."""
    personal = [c for c in law.categories_of(facts.data.categories) if c.personal]
    return any(c.sensitive for c in personal) or (bool(personal) and _young(facts, law))


def is_nonsensitive(facts: Facts, law: Law) -> bool:
    """Whether it (also) holds personal information that is not sensitive: the two classes are counted side by side."""
    personal = [c for c in law.categories_of(facts.data.categories) if c.personal]
    return any(not c.sensitive for c in personal) and not _young(facts, law)


def _young(facts: Facts, law: Law) -> bool:
    return facts.subjects.min_age < law.rule(Rule.CN_MINORS).numbers["age_below"]


def _prohibited(facts: Facts, law: Law) -> Ruling | None:
    """(1) PIPL 41 and 42."""
    met = []
    if facts.recipient.foreign_judicial:
        met.append((law.rule(Rule.CN_FOREIGN_JUDICIAL), Why.FOREIGN_JUDICIAL_REQUEST))
    if facts.recipient.art42_listed:
        met.append((law.rule(Rule.CN_RESTRICTED_LIST), Why.RECIPIENT_RESTRICTED))
    if not met:
        return None
    rules, reasons = zip(*met, strict=True)
    return Ruling(Mechanism.PROHIBITED, Gate.DENY, rules=rules, reasons=reasons)


def _remote(facts: Facts, law: Law) -> list[Ruling]:
    """A query from abroad is an export like any other."""
    if facts.transfer_form != "remote_query":
        return []
    return [Ruling(rules=(law.rule(Rule.CN_EXPORT),), flags=(Flag.REMOTE_ACCESS,))]


def _suspected(facts: Facts, law: Law) -> list[Ruling]:
    """Neither notified nor published: the law treats it as ordinary (Order 16 art 2); we ask for a review."""
    if facts.data.important != "suspected":
        return []
    rule = law.rule(Rule.CN_IMPORTANT_SUSPECTED)
    return [
        Ruling(
            gate=Gate.ALLOW_WITH_CONDITIONS,
            rules=(rule,),
            reasons=(Why.SUSPECTED_IMPORTANT_REVIEW,),
            flags=(Flag.SUSPECTED_IMPORTANT_REVIEW,),
            obligations=rule.obligations,
        )
    ]


def _mechanism(facts: Facts, law: Law) -> Ruling:
    """(3) to (10): which mechanism the export needs, and whether it is there."""
    if facts.data.important == "notified":
        return _needs(Mechanism.SECURITY_ASSESSMENT, law.rule(Rule.CN_IMPORTANT), facts, law, _ASSESSMENT)
    if facts.exporter.kind == "state_organ":
        return _state_organ(facts, law)
    exempt = _exemption(facts, law)
    if exempt is not None:
        return Ruling(Mechanism.EXEMPT, rules=(exempt,), obligations=exempt.obligations)
    if facts.exporter.ciio:
        needed = _needs(Mechanism.SECURITY_ASSESSMENT, law.rule(Rule.CN_CIIO), facts, law, _ASSESSMENT)
    else:
        needed = _by_count(facts, law)
    return combine([_standing(facts, law), needed])


def _standing(facts: Facts, law: Law) -> Ruling:
    """(5) and (7): what is known about the exemptions that did not help."""
    rules = (law.rule(Rule.CN_EXCLUSION),) if facts.declared_exclusion else ()
    suspended = (Flag.EXEMPTION_SUSPENDED,) if facts.declared_exclusion else ()
    listed = (Flag.FTZ_ON_LIST,) if facts.ftz == "on_list" else ()
    return Ruling(rules=rules, flags=(*suspended, *listed))


def _state_organ(facts: Facts, law: Law) -> Ruling:
    """(4) PIPL 36 and 37: an assessment at any count; Order 16's exemptions concern other duties than this one."""
    rule = law.rule(Rule.CN_STATE_ORGAN)
    duty = law.find(Rule.CN_STATE_ORGAN_DUTY) if facts.basis == "statutory" else None
    return Ruling(
        Mechanism.SECURITY_ASSESSMENT,
        Gate.ALLOW if "art36_assessment" in facts.artefacts else Gate.HOLD,
        rules=(rule,) if duty is None else (rule, duty),
        obligations=rule.obligations,
        subtype=Subtype.STATE_ORGAN_ART36,
        counted=True,
    )


def _exemption(facts: Facts, law: Law) -> Provision | None:
    """(6) and (7): the exemption that frees the release from any mechanism, whatever its count."""
    if not any(category.personal for category in law.categories_of(facts.data.categories)):
        return law.find(Rule.CN_NO_PERSONAL_DATA)
    if facts.data.overseas_origin_only:
        return law.find(Rule.CN_OVERSEAS_ORIGIN)
    for basis, rule, suspended_by_exclusion in _SCENARIOS:
        open_now = not (suspended_by_exclusion and facts.declared_exclusion)
        provision = law.find(rule)
        # Each of them asks that the export be truly necessary.
        if facts.basis == basis and facts.necessary and open_now and provision is not None:
            return provision
    if facts.ftz == "off_list" and not facts.declared_exclusion:
        return law.find(Rule.CN_FREE_TRADE_ZONE)
    return None


def _by_count(facts: Facts, law: Law) -> Ruling:
    """(9) and (10): the counts of the year after this release, each class by itself; the stricter class decides."""
    counting, bounds = law.rule(Rule.CN_COUNTING), law.rule(Rule.CN_ASSESSMENT)
    volume = law.rule(Rule.CN_VOLUME)
    new = facts.subjects
    nonsensitive = facts.before.nonsensitive + new.new_nonsensitive
    sensitive_count = facts.before.sensitive + new.new_sensitive
    sensitive = is_sensitive(facts, law) or new.new_sensitive > 0
    plain = is_nonsensitive(facts, law) or new.new_nonsensitive > 0
    large = (plain and nonsensitive >= bounds.numbers["nonsensitive_from"]) or (
        sensitive and sensitive_count >= bounds.numbers["sensitive_from"]
    )
    reached = large or (plain and nonsensitive >= volume.numbers["nonsensitive_below"])
    if not sensitive and not reached and not facts.declared_exclusion:
        return Ruling(Mechanism.EXEMPT, rules=(counting, volume), obligations=volume.obligations, counted=True)
    split = _splitting(facts, law) if reached else Ruling()
    minors = (law.rule(Rule.CN_MINORS),) if sensitive and _young(facts, law) else ()
    if large:
        needed = _needs(Mechanism.SECURITY_ASSESSMENT, bounds, facts, law, _ASSESSMENT)
    else:
        rule = law.rule(Rule.CN_STANDARD_CONTRACT)
        needed = _needs(Mechanism.SCC_OR_CERTIFICATION, rule, facts, law, _EITHER_CONTRACT)
    if needed.gate is Gate.HOLD:
        needed = bay_area.route(facts, law, needed)
    return combine([Ruling(rules=(counting, *minors)), split, needed])


def _splitting(facts: Facts, law: Law) -> Ruling:
    """A threshold met by affiliates together: spreading one purpose over them does not keep below it."""
    if facts.exporter.group is None:
        return Ruling()
    return Ruling(rules=(law.rule(Rule.CN_COUNTING),), reasons=(Why.SPLITTING,), flags=(Flag.SPLITTING,))


def _needs(mechanism: Mechanism, rule: Provision, facts: Facts, law: Law, any_of: frozenset[Artefact]) -> Ruling:
    """The mechanism, held until one of `any_of` is there. What was assessed may then leave, and no more (NDSMR 38)."""
    if not facts.artefacts & any_of:
        return Ruling(mechanism, Gate.HOLD, rules=(rule,), obligations=rule.obligations, counted=True)
    scope = law.find(Rule.CN_ASSESSED_SCOPE) if mechanism is Mechanism.SECURITY_ASSESSMENT else None
    rules = (rule,) if scope is None else (rule, scope)
    duties = tuple(duty for each in rules for duty in each.obligations)
    return Ruling(mechanism, Gate.ALLOW, rules=rules, obligations=duties, counted=True)
