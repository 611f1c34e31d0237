"""Notices of incidents in which a person's data may have been touched (specs/rights.md 9)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from broker.web.pages import language_of, render
from broker.web.rights_session import RIGHTS, Session, to_login
from broker.web.services import Provided, Transaction

router = APIRouter(include_in_schema=False)

NOTICES: Final = f"{RIGHTS}/notices"


@router.get(NOTICES)
def show_notices(request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    if session is None:
        return to_login(request, NOTICES)
    work.travellers.find(session.traveller_id)
    found = work.incidents.notices(session.traveller_id)
    work.incidents.seen(session.traveller_id, services.clock())
    language = language_of(request)
    return render(
        request, "rights/notices.html", language, notices=[(notice, notice.words[language]) for notice in found]
    )
