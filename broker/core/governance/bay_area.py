"""The two bay-area standard contracts: Mainland with Hong Kong, and Mainland with Macau."""

from dataclasses import dataclass

from broker.core.governance.codes import Gate, Mechanism, Why
from broker.core.governance.combine import Ruling
from broker.core.governance.facts import Facts
from broker.core.governance.policy import MAINLAND, Law
from broker.core.governance.policy_data import Provision
from broker.core.governance.rules import Rule

_CONTRACTS = {"HK": Rule.GBA_HONG_KONG, "MO": Rule.GBA_MACAU}


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract that can cover these two parties and this data, and whether it has been filed."""

    provision: Provision
    filed: bool


def contract_for(facts: Facts, law: Law) -> Contract | None:
    """The contract open to this release, or None: guidelines article 2.

    One party in the Mainland's nine cities, the other in one SAR, both registered there; any personal information at
    any count, except important data that was notified or published.
    """
    exporter, recipient = facts.exporter, facts.recipient
    ends = {exporter.origin, recipient.jurisdiction}
    rule = next((_CONTRACTS[place] for place in ends & _CONTRACTS.keys() if ends == {MAINLAND, place}), None)
    provision = None if rule is None else law.find(rule)
    if provision is None or facts.data.important == "notified":
        return None
    if not (exporter.gba_registered and recipient.gba_registered):
        return None
    if exporter.origin == MAINLAND and exporter.city.casefold() not in _cities(provision):
        return None
    return Contract(provision, filed="gba_sc_filed" in facts.artefacts)


def route(facts: Facts, law: Law, needed: Ruling) -> Ruling:
    """`needed` holds for want of a mechanism: what the contract changes about that.

    Filed: the contract is the mechanism. Filed, yet the recipient passes the data out of the bay area: a breach, so
    deny. Not filed: a way that the exporter could still take.
    """
    contract = contract_for(facts, law)
    if contract is None:
        return needed
    grounds = (*needed.rules, contract.provision)
    if facts.onward_outside_gba:
        if not contract.filed:
            return needed
        onward = law.rule(Rule.GBA_ONWARD)
        return Ruling(
            mechanism=needed.mechanism,
            gate=Gate.DENY,
            rules=(*grounds, onward),
            reasons=(Why.ONWARD_TRANSFER_OUTSIDE_GBA,),
            flags=needed.flags,
            counted=needed.counted,
        )
    if contract.filed:
        return Ruling(
            mechanism=Mechanism.GBA_SC,
            rules=grounds,
            flags=needed.flags,
            counted=needed.counted,
        )
    return Ruling(
        mechanism=needed.mechanism,
        gate=needed.gate,
        rules=grounds,
        reasons=needed.reasons,
        flags=needed.flags,
        obligations=needed.obligations,
        alternatives=(Mechanism.GBA_SC,),
        counted=needed.counted,
    )


def _cities(provision: Provision) -> frozenset[str]:
    return frozenset(city.casefold() for city in provision.terms["cities"])
