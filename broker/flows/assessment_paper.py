"""An impact assessment as a paper to keep or to hand over, and as JSON with its signature."""

from collections.abc import Iterator, Mapping
from typing import Any

from broker.core.impact_assessment import AssessmentState
from broker.core.jws import to_base64url
from broker.flows.list_assessments import AssessmentLine
from broker.paper import Block, Heading, KeyValues, Paper, Paragraph, Table

_STATES: Mapping[AssessmentState, str] = {
    AssessmentState.DRAFT: "Draft, unsigned: it has no effect.",
    AssessmentState.COMPLETED: "Completed, not yet signed: it has no effect.",
    AssessmentState.SIGNED: "Signed, and about what is configured now.",
    AssessmentState.STALE: "STALE: the configuration has changed since. It covers nothing.",
    AssessmentState.SUPERSEDED: "Superseded by a later version.",
}


def assessment_json(line: AssessmentLine) -> dict[str, Any]:
    """The record, its state, and the signature with what to verify it by (specs/impact-assessment.md 5)."""
    assessment, signed = line.assessment, line.assessment.signature
    return {
        "state": line.state.value,
        "record": assessment.content(),
        "signature": None
        if signed is None
        else {
            "staff": signed.staff_id,
            "key": signed.key.hex(),
            "value": to_base64url(signed.value),
            "signed_at": signed.at.isoformat(),
        },
        "retain_until": None if assessment.retain_until is None else assessment.retain_until.isoformat(),
    }


def state_words(state: AssessmentState) -> str:
    """What the state means, in a sentence."""
    return _STATES[state]


def assessment_paper(line: AssessmentLine) -> Paper:
    """In English, with the people's own words as they stand."""
    title = f"Impact assessment: {line.assessment.exporter}, version {line.assessment.version}"
    return Paper(title, "en", tuple(_blocks(line)))


def _blocks(line: AssessmentLine) -> Iterator[Block]:
    content = line.assessment.content()
    configured, findings = content["configuration"], content["findings"]
    yield Paragraph(state_words(line.state))
    yield KeyValues(tuple(_facts(line, content)))
    yield Heading("1. What is processed, why, and for whom")
    for number, activity in enumerate(configured["activities"], 1):
        yield from _activity(number, activity, configured["origin"])
    yield Heading("2. Whether an assessment is required")
    yield Paragraph(
        f"PIPL 55: {'required' if findings['pia_required'] else 'not required'}. "
        f"GDPR 35 by WP248: {findings['criteria_met']} of nine criteria are met, so it is "
        f"{'required' if findings['dpia_required'] else 'not required'} (two suffice)."
    )
    yield Heading("PIPL 55", 2)
    yield _questions(findings["pipl"])
    yield Heading("WP248, the nine criteria", 2)
    yield _questions(findings["criteria"])
    yield Heading("3. Risks and the measures in place")
    yield Table(
        ("Risk", "Harm", "Likelihood", "Measures"),
        tuple(
            (r["title"], r["harm"], r["likelihood"], "\n".join(f"\N{BULLET} {measure}" for measure in r["measures"]))
            for r in findings["risks"]
        ),
    )
    yield Heading("4. What people state")
    yield from _statement(content["statement"])


def _facts(line: AssessmentLine, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    signed, configured = line.assessment.signature, content["configuration"]
    yield "Exporter", f"{configured['exporter']}, {configured['city']} ({configured['origin']})"
    yield "Registered in the bay area", _yes(configured["gba_registered"])
    yield "Critical information infrastructure", _yes(configured["ciio"])
    yield "Persons concerned", str(content["persons_concerned"])
    yield "Drafted", content["drafted_at"]
    yield "Configuration (SHA-256)", content["configuration_sha256"]
    yield "Rules in force (SHA-256)", configured["rules"]
    if signed is not None:
        yield "Signed", f"{signed.at.isoformat()} by {signed.staff_id}, key {signed.key.hex()}"
        yield "Signature", to_base64url(signed.value)
    if line.assessment.retain_until is not None:
        yield "Kept until at least", line.assessment.retain_until.isoformat()


def _activity(number: int, activity: Mapping[str, Any], origin: str) -> Iterator[Block]:
    yield Heading(f"1.{number} {activity['title']}", 2)
    yield KeyValues(
        (
            ("Purpose", activity["purpose_id"]),
            ("Why", activity["necessity"]),
            ("Legal basis", activity["legal_basis"]),
            ("Exported as", activity["exporter_kind"]),
            ("Kept by the recipient", f"{activity['retention']} ({activity['storage']})"),
        )
    )
    rows = tuple(
        (
            f"{receiver['name']} ({receiver['recipient_id']})",
            receiver["jurisdiction"] + ("" if receiver["jurisdiction"] == origin else " - abroad"),
            receiver["kind"],
            ", ".join(receiver["categories"]),
        )
        for receiver in activity["receivers"]
    )
    yield Table(("Recipient", "Where", "Kind", "Data"), rows)


def _questions(findings: list[Mapping[str, Any]]) -> Table:
    rows = tuple((finding["title"], _yes(finding["met"]), finding["why"]) for finding in findings)
    return Table(("Criterion", "Met", "Why"), rows)


def _statement(statement: Mapping[str, Any] | None) -> Iterator[Block]:
    if statement is None:
        yield Paragraph("Nothing yet.")
        return
    yield KeyValues(
        (
            ("Assessor", statement["assessor"]),
            ("Assessed on", statement["assessed_on"]),
            ("Residual risk", f"{statement['residual']}: {statement['residual_reason']}"),
            *((("Authority consulted", statement["consultation"]),) if statement["consultation"] else ()),
        )
    )
    yield Heading("Necessity and proportionality", 2)
    yield Paragraph(statement["necessity"])
    yield Heading("Further measures", 2)
    yield Paragraph(statement["mitigation"])
    yield Heading("Opinions", 2)
    yield Table(("Of", "Opinion"), tuple((each["of"], each["text"]) for each in statement["opinions"]))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
