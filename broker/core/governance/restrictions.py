"""Time-boxed orders to hold or deny, asked of every release beside the law of its origin."""

from broker.core.governance.codes import Why
from broker.core.governance.combine import Ruling
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.policy_data import Restriction


def rulings(facts: Facts, law: Law) -> list[Ruling]:
    """One ruling for each restriction in force that meets the release."""
    return [
        Ruling(gate=restriction.gate, rules=(restriction,), reasons=(Why.RESTRICTION_IN_FORCE,))
        for restriction in law.restrictions
        if _meets(restriction, facts)
    ]


def _meets(restriction: Restriction, facts: Facts) -> bool:
    return (
        _listed(restriction.exporters, facts.exporter.id)
        and _listed(restriction.recipients, facts.recipient.id)
        and _listed(restriction.jurisdictions, facts.recipient.jurisdiction)
        and (not restriction.purposes or facts.purpose in restriction.purposes)
        and (not restriction.categories or not set(restriction.categories).isdisjoint(facts.data.categories))
    )


def _listed(names: tuple[str, ...], name: str) -> bool:
    return not names or name in names
