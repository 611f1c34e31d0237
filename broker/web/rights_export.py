"""Taking a copy of everything about oneself (specs/rights.md 3): a signed JSON file, and a document to read."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from broker.core.denial import Denied
from broker.core.portability import Wanted, signed_export
from broker.flows.export_data import Exported, export_data
from broker.oidc.session import csrf_token
from broker.paper import to_pdf
from broker.web.pages import language_of, render
from broker.web.problems import Problem
from broker.web.rights_export_paper import export_paper
from broker.web.rights_session import RIGHTS, Form, Session, attachment, checked, is_fresh, to_login
from broker.web.services import Provided, Services, Transaction

router = APIRouter(include_in_schema=False)

EXPORT = f"{RIGHTS}/export"
_MOST_REASON = 500
_HELD = ("identities", "claims", "consents", "uses", "passes", "grants", "requests")


@router.get(EXPORT)
def ask_export(request: Request, services: Provided, session: Session) -> Response:
    if session is None or not is_fresh(services, session):
        return to_login(request, EXPORT)
    return _form(request, services, language_of(request), Wanted())


@router.post(EXPORT)
def take_export(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    if not is_fresh(services, mine):
        return to_login(request, EXPORT, form=form)
    language, wanted, form_of = language_of(request, form.get("lang")), _wanted(form), form.get("format")
    if form_of not in ("json", "pdf"):
        raise Problem("invalid-request", "The form names no format.")
    if (wanted.template or wanted.portrait) and not wanted.reason:
        return _form(request, services, language, wanted, wrong="reason_missing")
    at = services.clock()
    exported = export_data(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        traveller=mine.traveller_id,
        wanted=wanted,
        issuer=services.issuer,
        at=at,
        entropy=services.entropy,
    )
    if isinstance(exported, Denied):
        return _form(request, services, language, wanted, wrong="declined")
    return _file(services, work, exported, form_of, language)


def _wanted(form: Mapping[str, str]) -> Wanted:
    reason = form.get("reason", "").strip()
    if len(reason) > _MOST_REASON:
        raise Problem("invalid-request", "The reason is too long.")
    return Wanted(form.get("template") == "yes", form.get("portrait") == "yes", reason)


def _file(services: Services, work: Transaction, exported: Exported, form_of: str, language: str) -> Response:
    if form_of == "json":
        content = signed_export(exported.document, services.receipt_signer)
        return attachment(content, media_type="application/json", name="tongguan-export.json")
    paper = export_paper(exported.document, language, services, work)
    return attachment(to_pdf(paper, at=services.clock()), media_type="application/pdf", name="tongguan-export.pdf")


def _form(request: Request, services: Services, language: str, wanted: Wanted, *, wrong: str | None = None) -> Response:
    return render(
        request,
        "rights/export.html",
        language,
        status=422 if wrong else 200,
        wanted=wanted,
        wrong=wrong,
        held=_HELD,
        most=_MOST_REASON,
        cites=services.rulebook.rights.cites("portability"),
        csrf=csrf_token(request),
    )
