"""Staff look at impact assessments and filings, and take them along (specs/impact-assessment.md 5, specs/filings.md 5).

Reading only: drafting, stating and signing need the member's key, which no browser has.
"""

from functools import cache
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broker.core.filing_rules import FilingRules
from broker.core.icalendar import to_icalendar
from broker.flows.assessment_paper import assessment_json, assessment_paper, state_words
from broker.flows.filing_calendar import as_calendar, coming_days, filing_lines
from broker.flows.list_assessments import AssessmentLine, assessment_lines, missing_exporters
from broker.flows.ports import Work
from broker.paper import to_pdf
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction
from broker.web.staff import signed_in, staff_page

router = APIRouter(prefix="/staff", include_in_schema=False)


@cache
def _filing_rules() -> FilingRules:
    """Packaged data: the same as long as the process runs."""
    return FilingRules.load()


@router.get("/assessments")
def assessments(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request)
    lines = assessment_lines(work, services.rulebook, services.clock())
    missing = missing_exporters(lines, services.rulebook)
    return staff_page(request, "papers/assessments.html", member, lines=lines, missing=missing, words=state_words)


@router.get("/assessments/{assessment_id}")
def assessment(request: Request, assessment_id: UUID, services: Provided, work: Transaction) -> Response:
    member = signed_in(request)
    line = _line(work, services, assessment_id)
    content = line.assessment.content()
    return staff_page(
        request, "papers/assessment.html", member, line=line, content=content, words=state_words(line.state)
    )


@router.get("/assessments/{assessment_id}/record.json")
def record_json(request: Request, assessment_id: UUID, services: Provided, work: Transaction) -> Response:
    signed_in(request)
    line = _line(work, services, assessment_id)
    return _download(JSONResponse(assessment_json(line)), _name(line, "json"))


@router.get("/assessments/{assessment_id}/record.pdf")
def record_pdf(request: Request, assessment_id: UUID, services: Provided, work: Transaction) -> Response:
    """The same bytes for the same record in the same state."""
    signed_in(request)
    line = _line(work, services, assessment_id)
    held = line.assessment
    made = to_pdf(assessment_paper(line), at=held.signature.at if held.signature else held.drafted_at)
    return _download(Response(made, media_type="application/pdf"), _name(line, "pdf"))


@router.get("/filings")
def filings(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request)
    policy, at = services.rulebook.transfers.policy, services.clock()
    lines = filing_lines(work, policy, _filing_rules(), at)
    days = coming_days(work, policy, _filing_rules(), at)
    return staff_page(request, "papers/filings.html", member, lines=lines, days=days)


@router.get("/filings/calendar.ics")
def calendar(request: Request, services: Provided, work: Transaction) -> Response:
    signed_in(request)
    at = services.clock()
    days = coming_days(work, services.rulebook.transfers.policy, _filing_rules(), at)
    stream = to_icalendar(as_calendar(days), at=at)
    return _download(Response(stream, media_type="text/calendar; charset=utf-8"), "tongguan-filings.ics")


def _line(work: Work, services: Services, assessment_id: UUID) -> AssessmentLine:
    for line in assessment_lines(work, services.rulebook, services.clock()):
        if line.assessment.assessment_id == assessment_id:
            return line
    raise Problem("not-found")


def _name(line: AssessmentLine, ending: str) -> str:
    return f"impact-assessment-{line.assessment.exporter}-{line.assessment.version}.{ending}"


def _download(response: Response, name: str) -> Response:
    # Ids of exporters come from the operator's own statement; quotes and the like are none of them.
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in name)
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    return response
