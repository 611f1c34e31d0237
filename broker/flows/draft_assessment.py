"""An impact assessment is drafted from what is configured."""

from datetime import datetime
from uuid import UUID

from broker.core.denial import InvalidInput
from broker.core.governance.calendar import shanghai_date
from broker.core.impact_assessment import Assessment, document_of
from broker.core.impact_configuration import configuration_of
from broker.core.impact_findings import ImpactRules
from broker.core.rulebook import Rulebook
from broker.core.transfer import ExporterProfile
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def draft_assessment(
    work: Work, *, exporter_id: str, rulebook: Rulebook, rules: ImpactRules, at: datetime, entropy: Entropy
) -> Assessment:
    """The next version for that exporter. Raises InvalidInput for an unknown exporter, or when another draft was made
    at the same moment.
    """
    exporter = _exporter(rulebook, exporter_id)
    law = rulebook.transfers.policy.at(at)
    configuration = configuration_of(exporter, rulebook, work.partners.all(), law)
    persons = _persons(work, exporter, at)
    made_before = [a.version for a in work.assessments.all() if a.exporter == exporter_id]
    assessment_id, version = UUID(bytes=entropy(16), version=4), max(made_before, default=0) + 1
    findings = rules.findings(configuration, law, persons=persons)
    document = document_of(
        configuration, findings, assessment_id=assessment_id, version=version, persons=persons, at=at
    )
    made = Assessment(assessment_id, exporter_id, version, configuration.digest(), document, at)
    if not work.assessments.add(made):
        raise InvalidInput("draft_made", "another draft was made at the same moment: look at it first")
    clear = {"assessment": str(assessment_id), "exporter": exporter_id, "version": version}
    work.journal.append(Entry("operator:assessment:drafted", clear), at=at, entropy=entropy)
    return made


def _exporter(rulebook: Rulebook, exporter_id: str) -> ExporterProfile:
    known = {exporter.id: exporter for exporter in rulebook.transfers.profiles.exporters.values()}
    try:
        return known[exporter_id]
    except KeyError:
        raise InvalidInput("unknown_exporter", f"exporters are {', '.join(sorted(known))}") from None


def _persons(work: Work, exporter: ExporterProfile, at: datetime) -> int:
    """The most that anything here shows: stated by the operator, stored, or counted this year over all classes."""
    name = f"{exporter.counted_as}/{exporter.origin}"
    totals = [total for total in work.transfers.totals(shanghai_date(at).year) if total.exporter == name]
    counted = max((max(t.gross_nonsensitive, t.gross_sensitive) for t in totals), default=0)
    return max(exporter.processes_persons, work.transfers.stored_faces(exporter.origin), counted)
