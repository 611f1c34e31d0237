"""Reviewers: decisions that people object to, and corrections they ask for (specs/rights.md 5). A reviewer sees what
the journal says in the clear and what the person wrote, and nothing else about them.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from broker.core.denial import Denied
from broker.core.departure import OwnUse
from broker.core.governance.calendar import shanghai_date
from broker.core.rights_request import MAX_WORDS, REMEDIES, Answer, Remedy, RequestState, RightsRequest
from broker.core.staff import Role, Staff
from broker.flows.ports import JournalledUse, Work
from broker.flows.request_review import read_asked, settle_request
from broker.web.problems import Problem, of_denial
from broker.web.rights_log_view import line_of
from broker.web.rights_session import Form
from broker.web.services import Provided, Services, Transaction
from broker.web.staff import signed_in, staff_form, staff_page

router = APIRouter(include_in_schema=False)

REVIEWS: Final = "/staff/reviews"
_LISTED: Final = 100


@router.get(REVIEWS)
def list_reviews(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, Role.REVIEWER)
    return staff_page(
        request,
        "rights/staff_reviews.html",
        member,
        waiting=work.rights.open_requests(limit=_LISTED),
        today=shanghai_date(services.clock()),
    )


@router.get(f"{REVIEWS}/{{request_id}}")
def show_review(request: Request, request_id: UUID, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, Role.REVIEWER)
    return _page(request, services, work, member, _open(work, request_id))


@router.post(f"{REVIEWS}/{{request_id}}")
def answer_review(request: Request, request_id: UUID, services: Provided, work: Transaction, form: Form) -> Response:
    member = staff_form(request, form, Role.REVIEWER)
    asked = _open(work, request_id)
    answer = _answer(form)
    if answer is None or not answer.fits(asked.kind):
        return _page(request, services, work, member, asked, wrong=True)
    settled = settle_request(
        work,
        keys=services.keys,
        rules=services.rulebook.rights,
        staff_id=member.staff_id,
        request_id=request_id,
        answer=answer,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(settled, Denied):
        raise of_denial(settled)
    return RedirectResponse(REVIEWS, status_code=303)


def _open(work: Work, request_id: UUID) -> RightsRequest:
    asked = work.rights.request(request_id)
    if asked is None or asked.state is not RequestState.OPEN:
        raise Problem("request-unknown")
    return asked


def _answer(form: Mapping[str, str]) -> Answer | None:
    """`outcome` is `rejected` or the name of a remedy."""
    outcome, reason = form.get("outcome", ""), form.get("reason", "").strip()
    if outcome == RequestState.REJECTED.value:
        return Answer(upheld=False, remedy=None, reason=reason)
    try:
        return Answer(upheld=True, remedy=Remedy(outcome), reason=reason)
    except ValueError:
        return None


def _page(
    request: Request, services: Services, work: Work, member: Staff, asked: RightsRequest, *, wrong: bool = False
) -> Response:
    said = read_asked(work, asked, keys=services.keys, use=OwnUse.REVIEWING)
    line = None
    if asked.leaf:
        found = work.rights.entry(asked.traveller, asked.leaf, key=services.keys.key(asked.traveller))
        if found is not None:
            use = found[0]
            # The clear part alone: what is sealed is the person's.
            line = line_of(JournalledUse(use.leaf_hash, use.kind, use.at, use.clear, {}), services, work, "en")
    return staff_page(
        request,
        "rights/staff_review.html",
        member,
        status=422 if wrong else 200,
        asked=asked,
        said=said,
        line=line,
        remedies=REMEDIES[asked.kind],
        wrong=wrong,
        most=MAX_WORDS,
        path=REVIEWS,
    )
