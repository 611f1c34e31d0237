"""Releases from the United States: 28 CFR part 202, bulk sensitive personal data to countries of concern."""

from broker.core.governance.codes import Flag, Gate, Mechanism, Why
from broker.core.governance.combine import Ruling
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.rules import Rule


def decide(facts: Facts, law: Law) -> Ruling:
    """The United States' word. Encryption changes nothing: 202.206 counts encrypted and anonymised data alike."""
    concern, bulk = law.rule(Rule.US_CONCERN), law.rule(Rule.US_BULK)
    classes = {c.us_class for c in law.categories_of(facts.data.categories) if c.us_class is not None}
    # Combined data takes the lowest threshold of its kinds (202.205(g)); "more than", so the figure itself is free.
    exceeded = bool(classes) and facts.us_persons_12m > min(bulk.numbers[name] for name in classes)
    if facts.stays_inside:
        return Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.INSIDE),))
    if facts.recipient.jurisdiction not in concern.terms["jurisdictions"]:
        return Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.US_NOT_COVERED), concern))
    flags = (Flag.US_BULK_EXCEEDED,) if exceeded else ()
    # A sale is not ordinarily incident to anybody's journey, whatever else is said of it.
    if facts.incident_to_travel and not facts.data_brokerage:
        return Ruling(Mechanism.EXEMPT, rules=(bulk, concern, law.rule(Rule.US_TRAVEL)), flags=flags)
    if not exceeded:
        return Ruling(Mechanism.NOT_REGULATED_EXPORT, rules=(law.rule(Rule.US_NOT_COVERED), bulk, concern))
    prohibited = law.rule(Rule.US_PROHIBITED)
    if facts.data_brokerage or not classes.isdisjoint(prohibited.terms["always"]):
        grounds = (bulk, concern, prohibited)
        return Ruling(Mechanism.PROHIBITED, Gate.DENY, rules=grounds, reasons=(Why.US_BULK_TRANSFER,), flags=flags)
    restricted = law.rule(Rule.US_RESTRICTED)
    met = "us_cisa_requirements_met" in facts.artefacts
    return Ruling(
        Mechanism.LOCAL_LAW_ONLY,
        Gate.ALLOW_WITH_CONDITIONS if met else Gate.HOLD,
        rules=(bulk, concern, restricted),
        flags=flags,
        obligations=restricted.obligations,
    )
