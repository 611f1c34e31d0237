"""May this be sent? Asked beforehand, in the words of a case; decided as a release would be, and counted nowhere.

Where the broker itself is to export, what is not stated comes from the operator's statement and from the ledger. Its
counts enter as the two ends of a span: whoever varied the question could otherwise find the exact count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.core.governance.case import DEFAULTS, CaseError, DateQuestion, inputs_of, read_case
from broker.core.governance.deadlines import Deadline, deadline
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.facts import Facts
from broker.core.governance.policy import MAINLAND
from broker.core.standing_changes import StandingChanges
from broker.core.standing_papers import StandingPapers
from broker.core.transfer import ExporterProfile, TransferRules
from broker.flows.look_up_counters import spans
from broker.flows.ports import Work
from broker.flows.standing_changes import standing_changes


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
    facts = _read(stated, _known(rules, standing, exporter, asked, at))
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
    rules: TransferRules, standing: StandingChanges, exporter: ExporterProfile, asked: Facts, at: datetime
) -> dict[str, Any]:
    """The operator's statement, and what governed changes say, in place of an ordinary release."""
    there = rules.profiles.recipient(asked.recipient.jurisdiction)
    papers = rules.profiles.papers()
    to = asked.recipient
    return {
        **DEFAULTS,
        "at": at.isoformat(),
        "exporter": {
            **DEFAULTS["exporter"],
            **exporter.model_dump(include={"id", "group", "origin", "city", "gba_registered", "ciio"}),
            "processes_persons": exporter.processes_persons,
        },
        "recipient": {
            **DEFAULTS["recipient"],
            "trust": standing.trust(to.jurisdiction, at) or there.trust,
            "gba_registered": there.gba_registered,
            "art42_listed": there.art42_listed,
        },
        "local_face_store": papers.faces.get(exporter.origin),
        "pia_done": exporter.pia_done or _assessed(papers, exporter, asked),
        "artefacts": sorted(exporter.artefacts | papers.artefacts(exporter.id, to.id, to.jurisdiction, asked.at)),
        "declared_exclusion": standing.suspends_exemptions(
            exporter=exporter.id,
            recipient=to.id,
            jurisdiction=to.jurisdiction,
            categories=asked.data.categories,
            purpose=asked.purpose or "",
            at=at,
        ),
        "template_storage": "central_operator_key",
        "industry": "general",
        "storage": "le_30d",
    }


def _assessed(papers: StandingPapers, exporter: ExporterProfile, asked: Facts) -> bool:
    """Whether an assessment looked at such a release: for the purpose named, or for any where none is."""
    looked_at = {purpose for paper in papers.assessments for purpose, _, _ in paper.flows}
    return any(
        papers.assessed(exporter.id, purpose, asked.recipient.jurisdiction, asked.data.categories, asked.at)
        for purpose in (looked_at if asked.purpose is None else {asked.purpose})
    )


def _read(stated: Mapping[str, Any], defaults: Mapping[str, Any]) -> Facts:
    facts = read_case(stated, defaults)
    if not isinstance(facts, Facts):
        raise CaseError("a release is expected")
    return facts


def _counted(facts: Facts, nonsensitive: int, sensitive: int) -> Facts:
    before = facts.before.model_copy(update={"nonsensitive": nonsensitive, "sensitive": sensitive})
    return facts.model_copy(update={"before": before})
