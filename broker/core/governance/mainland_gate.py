"""What the Mainland asks of a release whatever its mechanism: consent, notice, guardian, necessity, impact assessment,
an alternative to the face (a missing one denies), and the duties that a size brings along (conditions).
"""

from collections.abc import Iterator

from broker.core.governance.calendar import shanghai_date
from broker.core.governance.codes import Flag, Gate, Why
from broker.core.governance.combine import Ruling
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.policy_data import Provision
from broker.core.governance.rules import Rule


def export(facts: Facts, law: Law) -> list[Ruling]:
    """The checks of a release that leaves the Mainland."""
    if not _personal(facts, law):
        return []
    return [*_always(facts, law), *_separate_consent(facts, law), *_impact(facts, law)]


def domestic(facts: Facts, law: Law) -> list[Ruling]:
    """The checks of a use inside: separate consent and impact assessment for sensitive data only (PIPL 29, 55(1))."""
    if not _personal(facts, law):
        return []
    sensitive = any(c.sensitive for c in law.categories_of(facts.data.categories))
    more = [*_separate_consent(facts, law), *_impact(facts, law)] if sensitive else []
    return [*_always(facts, law), *more]


def duties(facts: Facts, law: Law) -> Iterator[Ruling]:
    """Duties that attach to a size: the mechanism stays, the release goes under conditions."""
    filing = law.find(Rule.CN_FACE_FILING)
    if filing and facts.local_face_store is not None and facts.local_face_store >= filing.numbers["stored_from"]:
        yield _condition(filing)
    large = law.find(Rule.CN_LARGE_HANDLER)
    if large and facts.exporter.processes_persons >= large.numbers["persons_from"]:
        yield _condition(large)


def face_filing_due(facts: Facts, law: Law) -> str | None:
    """The last day for filing (ISO date) if the store reached the figure on the day of the release."""
    filing = law.find(Rule.CN_FACE_FILING)
    if filing is None or facts.local_face_store is None or facts.local_face_store < filing.numbers["stored_from"]:
        return None
    return law.calendar.after(shanghai_date(facts.at), filing.numbers["working_days"]).isoformat()


def _personal(facts: Facts, law: Law) -> bool:
    return any(category.personal for category in law.categories_of(facts.data.categories))


def _always(facts: Facts, law: Law) -> Iterator[Ruling]:
    if facts.basis == "consent" and facts.consent.withdrawn:
        yield _denied(law.rule(Rule.CN_WITHDRAWAL), Why.CONSENT_WITHDRAWN)
    if not facts.necessary:
        yield _denied(law.rule(Rule.CN_NECESSITY), Why.NOT_NECESSARY)
    # Who cannot consent, or need not, in an emergency or under a statutory duty has no guardian to ask either.
    guardian = law.rule(Rule.CN_GUARDIAN)
    young = facts.subjects.min_age < guardian.numbers["age_below"]
    if young and facts.consent.guardian is not True and facts.basis not in ("emergency", "statutory"):
        yield _denied(guardian, Why.GUARDIAN_CONSENT_MISSING)
    alternative = law.find(Rule.CN_FACE_ALTERNATIVE)
    if alternative and not facts.nonbiometric_alternative:
        yield _denied(alternative, Why.NO_ALTERNATIVE_TO_FACE)


def _separate_consent(facts: Facts, law: Law) -> Iterator[Ruling]:
    """PIPL 39: notice on every basis but an emergency (PIPL 18); separate consent where consent is the basis (13)."""
    consent = facts.consent
    if facts.basis == "emergency":
        return
    if facts.basis != "consent":
        if not consent.art39_notice:
            yield _denied(law.rule(Rule.CN_NOTICE), Why.NOTICE_MISSING)
        return
    flags = tuple(
        flag
        for flag, fault in (
            (Flag.CONSENT_BUNDLED, consent.bundled),
            (Flag.CONSENT_UNINFORMED, not consent.art39_notice),
            (Flag.CONSENT_OTHER_PURPOSE, not consent.purpose_match),
        )
        if fault
    )
    if flags or not consent.separate:
        grounds = law.rule(Rule.CN_CONSENT), law.rule(Rule.CN_NOTICE)
        rules = grounds if Flag.CONSENT_UNINFORMED in flags else grounds[:1]
        yield Ruling(gate=Gate.DENY, rules=rules, reasons=(Why.NO_SEPARATE_CONSENT,), flags=flags)


def _impact(facts: Facts, law: Law) -> Iterator[Ruling]:
    """PIPL 55: before the processing begins, for the activity, so an emergency does not dispense with it."""
    if not facts.pia_done:
        yield _denied(law.rule(Rule.CN_IMPACT_ASSESSMENT), Why.PIA_MISSING)


def _denied(rule: Provision, why: Why) -> Ruling:
    return Ruling(gate=Gate.DENY, rules=(rule,), reasons=(why,))


def _condition(rule: Provision) -> Ruling:
    return Ruling(gate=Gate.ALLOW_WITH_CONDITIONS, rules=(rule,), obligations=rule.obligations)
