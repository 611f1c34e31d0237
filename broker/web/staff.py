"""Staff at the broker's own origin (specs/staff.md): how a member signs in and out, and who is signed in.

The cookie goes with requests that this origin itself makes and with no others; scripts never read it; the database
holds its digest. English only: these pages are for those who work here.
"""

import hmac
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from broker.core.jws import to_base64url
from broker.core.staff import SESSION_LIFETIME, Role, Staff
from broker.flows.sign_in_staff import (
    challenge_staff,
    enter_staff,
    leave_staff,
    prove_staff,
    staff_session,
    whose_link,
)
from broker.web.error_handlers import respond
from broker.web.fields import Base64Url, Message, Moment, StaffId, answer_with, from_base64url
from broker.web.forms import from_elsewhere, read_form
from broker.web.pages import render
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction, services_of

router = APIRouter(prefix="/staff", include_in_schema=False)

Form = Annotated[Mapping[str, str], Depends(read_form)]
_LANGUAGE: Final = "en"
_MAX_SECRET: Final = 128
_CSRF_DOMAIN: Final = b"tongguan/staff-csrf/v1"


def signed_in(request: Request, *roles: Role) -> Staff:
    """The member signed in in this browser, who has one of `roles`; without `roles`, any member. One transaction of
    its own. Raises Problem: 401 when nobody is signed in, 403 when the member has none of the roles.
    """
    services = services_of(request)
    secret = _cookie(request, services)
    member = None
    if secret is not None:
        with services.begin() as work:
            member = staff_session(work, secret, services.clock())
    if member is None:
        raise Problem("not-authenticated", "Sign in at /staff/sign-in.", text="staff_signed_out")
    if roles and not member.may(*roles):
        raise Problem("forbidden", text="staff_forbidden")
    return member


def staff_form(request: Request, form: Mapping[str, str], *roles: Role) -> Staff:
    """The same for a POST, whose `form` must carry `csrf` from this session's page and come from this origin."""
    member = signed_in(request, *roles)
    submitted = form.get("csrf", "")
    if not hmac.compare_digest(staff_csrf(request).encode(), submitted.encode()):
        raise Problem("form-expired")
    if from_elsewhere(request, services_of(request)):
        raise Problem("form-expired")
    return member


def staff_csrf(request: Request) -> str:
    """The anti-forgery token of this session's forms: a MAC under the cookie. Raises Problem (401) without one."""
    secret = _cookie(request, services_of(request))
    if secret is None:
        raise Problem("not-authenticated", text="staff_signed_out")
    return to_base64url(hmac.digest(secret.encode(), _CSRF_DOMAIN, "sha256"))


def staff_page(request: Request, template: str, member: Staff | None, *, status: int = 200, **context: Any) -> Response:
    """A page for staff, from `templates/`, in English. `member` None: nobody is signed in, and no form signs out."""
    csrf = staff_csrf(request) if member is not None else ""
    return render(request, template, _LANGUAGE, status=status, switch=(), member=member, csrf=csrf, **context)


class AskChallenge(Message):
    staff_id: StaffId


class ChallengeGiven(Message):
    challenge: str
    expires_at: Moment


class Proof(Message):
    """`signature`: 64 bytes over the statement of specs/staff.md 2."""

    staff_id: StaffId
    challenge: Base64Url
    signature: Base64Url


class LinkGiven(Message):
    link: str


@router.post("/v1/challenges")
def challenges(asked: AskChallenge, services: Provided, work: Transaction) -> Response:
    made = challenge_staff(work, staff_id=asked.staff_id, at=services.clock(), entropy=services.entropy)
    return answer_with(ChallengeGiven(challenge=to_base64url(made.value), expires_at=made.expires_at), 201)


@router.post("/v1/sign-ins")
def sign_ins(request: Request, proof: Proof, services: Provided, work: Transaction) -> Response:
    """A link that opens a session once, within a minute. 401 otherwise, and the challenge is used up."""
    try:
        challenge, signature = from_base64url(proof.challenge), from_base64url(proof.signature)
    except ValueError as error:
        raise Problem("invalid-request", "`challenge` and `signature` are base64url.") from error
    secret = prove_staff(
        work,
        staff_id=proof.staff_id,
        challenge=challenge,
        signature=signature,
        origin=services.issuer,
        at=services.clock(),
        entropy=services.entropy,
    )
    if secret is None:
        # Answered, not raised: the challenge stays used up.
        return respond(request, Problem("not-authenticated", "Ask for a new challenge and sign it in time."))
    return answer_with(LinkGiven(link=f"{services.issuer}/staff/enter?link={secret}"), 201)


@router.get("/sign-in")
def sign_in_page(request: Request, services: Provided) -> Response:
    return staff_page(request, "staff/sign_in.html", None, issuer=services.issuer)


@router.get("/enter")
def enter_page(request: Request, services: Provided, work: Transaction) -> Response:
    """Says whose session the button would open. Opening the page uses nothing up: programs follow links too."""
    secret = _secret(request.query_params.get("link"))
    member = whose_link(work, secret, services.clock()) if secret else None
    status = 200 if member is not None else 410
    return _entering(request, member, secret, status)


@router.post("/enter")
def enter(request: Request, services: Provided, form: Form, work: Transaction) -> Response:
    if from_elsewhere(request, services):
        raise Problem("form-expired")
    secret = _secret(form.get("link"))
    session = enter_staff(work, secret, at=services.clock(), entropy=services.entropy) if secret else None
    if session is None:
        return _entering(request, None, "", 410)
    former = _cookie(request, services)
    if former is not None:  # whoever was signed in in this browser is not any more
        leave_staff(work, former, at=services.clock(), entropy=services.entropy)
    response = RedirectResponse("/staff", status_code=303)
    response.set_cookie(
        _cookie_name(services),
        session,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/",
        secure=_is_secure(services),
        httponly=True,
        samesite="strict",
    )
    return response


@router.get("")
def home(request: Request) -> Response:
    return staff_page(request, "staff/home.html", signed_in(request))


@router.post("/sign-out")
def sign_out(request: Request, services: Provided, form: Form, work: Transaction) -> Response:
    staff_form(request, form)
    secret = _cookie(request, services)
    if secret is not None:
        leave_staff(work, secret, at=services.clock(), entropy=services.entropy)
    response = RedirectResponse("/staff/sign-in", status_code=303)
    response.delete_cookie(
        _cookie_name(services), path="/", secure=_is_secure(services), httponly=True, samesite="strict"
    )
    return response


def _entering(request: Request, member: Staff | None, secret: str, status: int) -> HTMLResponse:
    return render(
        request, "staff/enter.html", _LANGUAGE, status=status, switch=(), member=None, whose=member, link=secret
    )


def _secret(text: str | None) -> str:
    return text if text and len(text) <= _MAX_SECRET else ""


def _cookie(request: Request, services: Services) -> str | None:
    return _secret(request.cookies.get(_cookie_name(services))) or None


def _cookie_name(services: Services) -> str:
    """`__Host-` over TLS: Secure, this host only, path `/` (RFC 6265bis 4.1.3.2)."""
    return "__Host-tongguan-staff" if _is_secure(services) else "tongguan-staff"


def _is_secure(services: Services) -> bool:
    return services.issuer.startswith("https:")
