"""People state what a configuration cannot know."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from broker.core.denial import InvalidInput
from broker.core.impact_assessment import Assessment, Statement, with_statement
from broker.core.rulebook import Rulebook
from broker.flows.ports import Entry, Work
from broker.flows.standing_papers import configured_now
from broker.wire.keys import Entropy


def complete_assessment(
    work: Work, assessment_id: UUID, statement: Statement, *, rulebook: Rulebook, at: datetime, entropy: Entropy
) -> Assessment:
    """The assessment with the statement; it may be stated anew until it is signed. Raises InvalidInput for one that is
    unknown, signed, or about another configuration than today's.
    """
    found = open_assessment(work, assessment_id, rulebook=rulebook, at=at)
    document = with_statement(found.document, statement)
    work.assessments.complete(assessment_id, document)
    clear = {"assessment": str(assessment_id), "exporter": found.exporter, "version": found.version}
    work.journal.append(Entry("operator:assessment:completed", clear), at=at, entropy=entropy)
    return replace(found, document=document, completed=True)


def open_assessment(work: Work, assessment_id: UUID, *, rulebook: Rulebook, at: datetime) -> Assessment:
    """The assessment, locked, not signed yet and about what is configured now. Raises InvalidInput."""
    found = work.assessments.lock(assessment_id)
    if found is None:
        raise InvalidInput("unknown_assessment", "no assessment has that id")
    if found.signature is not None:
        raise InvalidInput("assessment_signed", "it is signed: draft the next version")
    if configured_now(work, rulebook, at).get(found.exporter) != found.configuration:
        raise InvalidInput("assessment_stale", "the configuration has changed since: draft it again")
    return found
