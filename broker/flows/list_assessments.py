"""Assessments with how each is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.core.impact_assessment import Assessment, AssessmentState
from broker.core.rulebook import Rulebook
from broker.flows.ports import Work
from broker.flows.standing_papers import configured_now


@dataclass(frozen=True, slots=True)
class AssessmentLine:
    """An assessment, and how it is at an instant."""

    assessment: Assessment
    state: AssessmentState


def assessment_lines(work: Work, rulebook: Rulebook, at: datetime) -> Sequence[AssessmentLine]:
    """Every version, by exporter, the newest first."""
    configured = configured_now(work, rulebook, at)
    latest = {signed.exporter: signed.version for signed in work.assessments.latest_signed()}
    return [
        AssessmentLine(a, a.state(configured=configured.get(a.exporter), latest=a.version == latest.get(a.exporter)))
        for a in work.assessments.all()
    ]


def missing_exporters(lines: Sequence[AssessmentLine], rulebook: Rulebook) -> Sequence[str]:
    """Exporters without an assessment that stands."""
    standing = {line.assessment.exporter for line in lines if line.state is AssessmentState.SIGNED}
    exporters = rulebook.transfers.profiles.exporters.values()
    return sorted(exporter.id for exporter in exporters if exporter.id not in standing)
