"""Governed changes for staff: what stands, what waits for a signature, and putting one on it that was made elsewhere.

The key never comes near the browser: an operator downloads the statement, signs it with the command line, and pastes
the signature.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from broker.core.governed_change import REFUSED, ChangeRefusal, GovernedChange
from broker.core.staff import Role, Staff
from broker.flows.ports import Work
from broker.flows.sign_change import sign_change
from broker.web.fields import from_base64url
from broker.web.forms import read_form
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction
from broker.web.staff import signed_in, staff_form, staff_page

router = APIRouter(prefix="/staff/changes", include_in_schema=False)

_READERS = (Role.OPERATOR, Role.AUDITOR, Role.REGULATOR)
ChangeId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Form = Annotated[dict[str, str], Depends(read_form)]


@router.get("")
def list_changes(request: Request, services: Provided, work: Transaction) -> Response:
    member, at = signed_in(request, *_READERS), services.clock()
    standing = work.changes.standing(at)
    changes = [(change, standing.state(change, at)) for change in work.changes.all()]
    return staff_page(request, "staff/changes.html", member, changes=changes)


@router.get("/{change_id}")
def show_change(request: Request, change_id: ChangeId, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, *_READERS)
    return _page(request, services, work, member, _found(work, change_id))


@router.get("/{change_id}/statement")
def statement(request: Request, change_id: ChangeId, work: Transaction) -> Response:
    """The bytes to sign, as a file."""
    signed_in(request, *_READERS)
    change = _found(work, change_id)
    name = f'attachment; filename="change-{change_id}.bin"'
    return Response(change.statement(), media_type="application/octet-stream", headers={"Content-Disposition": name})


@router.post("/{change_id}/sign")
def sign(request: Request, change_id: ChangeId, services: Provided, form: Form, work: Transaction) -> Response:
    member = staff_form(request, form, Role.OPERATOR)
    change = _found(work, change_id)
    try:
        signature = from_base64url(form.get("signature", "").strip())
    except ValueError:
        signature = b""  # no signature of anybody over anything
    signed = sign_change(
        work,
        change_id=change.change_id,
        staff_id=member.staff_id,
        signature=signature,
        clock=services.clock,
        entropy=services.entropy,
    )
    if isinstance(signed, ChangeRefusal):
        return _page(request, services, work, member, change, refused=REFUSED[signed])
    return RedirectResponse(f"/staff/changes/{change_id}", status_code=303)


def _found(work: Work, change_id: str) -> GovernedChange:
    change = work.changes.find(UUID(hex=change_id))
    if change is None:
        raise Problem("not-found")
    return change


def _page(
    request: Request, services: Services, work: Work, member: Staff, change: GovernedChange, *, refused: str = ""
) -> Response:
    at = services.clock()
    return staff_page(
        request,
        "staff/change.html",
        member,
        status=409 if refused else 200,
        change=change,
        state=work.changes.standing(at).state(change, at),
        may_sign=member.may(Role.OPERATOR) and change.in_force_at is None and at < change.waits_until(),
        refused=refused,
    )
