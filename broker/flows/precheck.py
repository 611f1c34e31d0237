"""May this be sent? Asked beforehand, in the words of a case; decided as a release would be, and counted nowhere.

Where the broker itself is to export, what is not stated comes from the operator's statement and from the ledger. Its
counts enter as the two ends of a span: whoever varied the question could otherwise find the exact count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broker.core.governance.case import DEFAULTS, CaseError, DateQuestion, inputs_of, read_case
from broker.core.governance.deadlines import Deadline, deadline
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.facts import Facts
from broker.core.governance.policy import MAINLAND, Law
from broker.core.release_facts import facts_of
from broker.core.standing_changes import StandingChanges
from broker.core.standing_papers import StandingPapers
from broker.core.transfer import Counted, ExporterProfile, Outgoing, PurposeTerms, Subject, TransferRules
from broker.flows.look_up_counters import spans
from broker.flows.ports import Work
from broker.flows.standing_changes import standing_changes

_UNNAMED: Final = "-"


@dataclass(frozen=True, slots=True)
class Precheck:
    """`certain` False: on the exact count it may come out less strict; the release itself will tell.

    `live`: the counts came from the ledger, so those in `decision` are the ends of a span and say nothing exact.
    """

    decision: Decision
    certain: bool
    live: bool


def precheck(work: Work, *, rules: TransferRules, document: object, at: datetime) -> Precheck | Deadline:
    """The answer to one case. Raises CaseError, FactsError and PolicyError: there is none, and nothing is permitted."""
    stated = inputs_of(document)
    asked = read_case(stated, {**DEFAULTS, "at": at.isoformat()})
    standing = standing_changes(work, at)
    policy = standing.policy(rules.policy)
    if isinstance(asked, DateQuestion):
        return deadline(asked.event, asked.day, policy, place=asked.place)
    exporter = _ours(stated, asked, rules)
    if exporter is None:
        return Precheck(decide(asked, policy), certain=True, live=False)
    facts = _read(stated, _known(rules, standing, stated, asked, policy.at(asked.at)))
    if "before" in stated or exporter.origin != MAINLAND:
        return Precheck(decide(facts, policy), certain=True, live=False)
    nonsensitive, sensitive = spans(work, exporter, policy.at(facts.at), at=facts.at)
    fewest, most = (
        decide(_counted(facts, *counts), policy)
        for counts in ((nonsensitive.low, sensitive.low), (nonsensitive.high, sensitive.high))
    )
    certain = (fewest.decision, fewest.gate) == (most.decision, most.gate)
    return Precheck(most, certain=certain, live=True)


def _ours(stated: Mapping[str, Any], asked: Facts, rules: TransferRules) -> ExporterProfile | None:
    """The broker's own exporter for that place, unless the case names another one."""
    profile = rules.profiles.exporters.get(asked.exporter.origin)
    named = stated.get("exporter")
    another = isinstance(named, Mapping) and "id" in named and (profile is None or named["id"] != profile.id)
    return None if another else profile


def _known(
    rules: TransferRules, standing: StandingChanges, stated: Mapping[str, Any], asked: Facts, law: Law
) -> dict[str, Any]:
    """What a release like this would be decided on, in place of an ordinary release."""
    origin, to = asked.exporter.origin, asked.recipient
    terms = PurposeTerms.model_validate(
        {
            "exporter_kind": asked.exporter.kind,
            "basis": asked.basis,
            "industry": asked.industry if "industry" in stated else "general",
            "storage": asked.storage if "storage" in stated else "le_30d",
        }
    )
    purpose = asked.purpose or _UNNAMED
    outgoing = Outgoing(to.id, to.jurisdiction, asked.data.categories, terms, purpose, asked.consent.guardian)
    facts = facts_of(
        outgoing,
        Subject(origin, asked.subjects.min_age),
        Counted(),
        rules.profiles,
        law,
        at=asked.at,
        trust=standing.trust(to.jurisdiction, asked.at),
        exclusion=standing.suspends_exemptions(
            exporter=rules.profiles.exporter(origin).id,
            recipient=to.id,
            jurisdiction=to.jurisdiction,
            categories=asked.data.categories,
            purpose=purpose,
            at=asked.at,
        ),
    )
    assessed = facts.pia_done or _assessed(rules.profiles.papers(), facts.exporter.id, asked)
    return {**facts.model_dump(), "purpose": asked.purpose, "pia_done": assessed}


def _assessed(papers: StandingPapers, exporter: str, asked: Facts) -> bool:
    """Whether an assessment looked at such a release for any purpose; asked only where none is named."""
    looked_at = {purpose for paper in papers.assessments for purpose, _, _ in paper.flows}
    return asked.purpose is None and any(
        papers.assessed(exporter, purpose, asked.recipient.jurisdiction, asked.data.categories, asked.at)
        for purpose in looked_at
    )


def _read(stated: Mapping[str, Any], defaults: Mapping[str, Any]) -> Facts:
    facts = read_case(stated, defaults)
    if not isinstance(facts, Facts):
        raise CaseError("a release is expected")
    return facts


def _counted(facts: Facts, nonsensitive: int, sensitive: int) -> Facts:
    before = facts.before.model_copy(update={"nonsensitive": nonsensitive, "sensitive": sensitive})
    return facts.model_copy(update={"before": before})
