"""People's rights: where each of them begins. Pages at the broker's own origin, without scripts (specs/rights.md)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from broker.web import (
    rights_erasure,
    rights_export,
    rights_guardians,
    rights_log,
    rights_notices,
    rights_requests,
    staff_reviews,
)
from broker.web.pages import language_of, render
from broker.web.rights_session import RIGHTS, Session, to_login
from broker.web.services import Transaction

router = APIRouter(include_in_schema=False)

_OFFERED: Final = (
    ("log", rights_log.LOG),
    ("export", rights_export.EXPORT),
    ("correct", rights_requests.CORRECTIONS),
    ("requests", rights_requests.REQUESTS),
    ("notices", rights_notices.NOTICES),
    ("guardians", rights_guardians.GUARDIANS),
    ("erase", rights_erasure.ERASURE),
)


@router.get(RIGHTS)
def show_rights(request: Request, session: Session, work: Transaction) -> Response:
    if session is None:
        return to_login(request, RIGHTS)
    unread = sum(notice.seen_at is None for notice in work.incidents.notices(session.traveller_id))
    return render(request, "rights/home.html", language_of(request), offered=_OFFERED, unread=unread)


for _page in (
    rights_log,
    rights_export,
    rights_requests,
    rights_guardians,
    rights_notices,
    rights_erasure,
    staff_reviews,
):
    router.include_router(_page.router)
