"""Objecting to an automated decision, asking for a correction, and reading the answers (specs/rights.md 5, 6)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginSession
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.departure import OwnUse
from broker.core.rights_request import MAX_WORDS, RightsRequest
from broker.flows.ports import Work
from broker.flows.request_review import CORRECTABLE, read_answer, read_asked, request_correction, request_review
from broker.oidc.session import csrf_token, login_url
from broker.web.pages import language_of, render
from broker.web.problems import Problem, of_denial
from broker.web.rights_log_view import line_of
from broker.web.rights_session import RIGHTS, Form, Session, checked, is_fresh, to_login
from broker.web.services import Provided, Services, Transaction

router = APIRouter(include_in_schema=False)

REQUESTS: Final = f"{RIGHTS}/requests"
REVIEWS: Final = f"{RIGHTS}/reviews"
CORRECTIONS: Final = f"{RIGHTS}/corrections"


@router.get(REQUESTS)
def show_requests(request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    if session is None:
        return to_login(request, REQUESTS)
    work.travellers.find(session.traveller_id)
    made = [
        (one, read_asked(work, one, keys=services.keys, use=OwnUse.SHOWN), read_answer(work, one, keys=services.keys))
        for one in work.rights.requests_of(session.traveller_id)
    ]
    return render(request, "rights/requests.html", language_of(request), made=made)


@router.get(f"{REVIEWS}/new")
def ask_review(request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    if session is None:
        return to_login(request, REQUESTS)
    return _review_form(request, services, session, work, request.query_params.get("entry"), language_of(request))


@router.post(REVIEWS)
def send_review(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    language, entry = language_of(request, form.get("lang")), form.get("entry")
    try:
        asked = request_review(
            work,
            keys=services.keys,
            rulebook=services.rulebook,
            traveller=mine.traveller_id,
            leaf=_leaf(entry),
            words=form.get("words", ""),
            at=services.clock(),
            entropy=services.entropy,
        )
    except InvalidInput:
        return _review_form(request, services, mine, work, entry, language, wrong="missing")
    if isinstance(asked, Denied) and asked.reason is Refusal.ALREADY_ASKED:
        return _review_form(request, services, mine, work, entry, language, wrong="asked_already")
    return _sent(asked, language)


@router.get(CORRECTIONS)
def ask_correction(request: Request, services: Provided, session: Session) -> Response:
    if session is None or not is_fresh(services, session):
        return to_login(request, CORRECTIONS)
    return _correction_form(request, services, language_of(request))


@router.post(CORRECTIONS)
def send_correction(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    if not is_fresh(services, mine):
        return to_login(request, CORRECTIONS, form=form)
    language = language_of(request, form.get("lang"))
    try:
        asked = request_correction(
            work,
            keys=services.keys,
            rulebook=services.rulebook,
            traveller=mine.traveller_id,
            claim=form.get("claim", ""),
            words=form.get("words", ""),
            at=services.clock(),
            entropy=services.entropy,
        )
    except InvalidInput:
        return _correction_form(request, services, language, wrong="missing")
    if isinstance(asked, Denied) and asked.reason is Refusal.ALREADY_ASKED:
        return _correction_form(request, services, language, wrong="asked_already")
    return _sent(asked, language)


def _sent(asked: RightsRequest | Denied, language: str) -> Response:
    if isinstance(asked, Denied):
        raise of_denial(asked)
    return RedirectResponse(f"{REQUESTS}?lang={language}", status_code=303)


def _review_form(
    request: Request,
    services: Services,
    session: LoginSession,
    work: Work,
    entry: str | None,
    language: str,
    *,
    wrong: str | None = None,
) -> Response:
    traveller = session.traveller_id
    work.travellers.find(traveller)
    found = work.rights.entry(traveller, _leaf(entry), key=services.keys.key(traveller))
    line = None if found is None else line_of(found[0], services, work, language)
    if line is None or not line.reviewable:
        raise Problem("entry-unknown")
    return render(
        request,
        "rights/review.html",
        language,
        status=422 if wrong else 200,
        line=line,
        wrong=wrong,
        most=MAX_WORDS,
        cites=services.rulebook.rights.cites("review"),
        csrf=csrf_token(request),
    )


def _correction_form(request: Request, services: Services, language: str, *, wrong: str | None = None) -> Response:
    return render(
        request,
        "rights/correction.html",
        language,
        status=422 if wrong else 200,
        claims=CORRECTABLE,
        wrong=wrong,
        most=MAX_WORDS,
        relogin=login_url(request, f"{RIGHTS}?lang={language}", language=language),
        cites=services.rulebook.rights.cites("correction"),
        csrf=csrf_token(request),
    )


def _leaf(text: str | None) -> bytes:
    try:
        leaf = bytes.fromhex(text or "")
    except ValueError:
        leaf = b""
    if len(leaf) != 32:
        raise Problem("entry-unknown")
    return leaf
