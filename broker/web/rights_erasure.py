"""Erasing oneself, and the certificate of it (specs/rights.md 4). The certificate's page needs no session: the link is
the secret.
"""

from base64 import urlsafe_b64decode
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from broker.core.denial import Denied
from broker.core.epoch import dies_at
from broker.flows.certify_erasure import TOKEN_BYTES, Certificate, NotYet, erase_with_certificate, issue_certificate
from broker.flows.erase import destroy_erased_keys
from broker.oidc.server import server_of
from broker.oidc.session import csrf_token, delete_session_cookie
from broker.paper import to_pdf
from broker.web.messages import catalogue
from broker.web.pages import language_of, render
from broker.web.problems import Problem, of_denial
from broker.web.rights_papers import certificate_paper
from broker.web.rights_session import RIGHTS, Form, Session, attachment, checked, is_fresh, to_login
from broker.web.services import Provided, Services, Transaction

router = APIRouter(include_in_schema=False)

ERASURE = f"{RIGHTS}/erasure"
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]
_FORMATS = ("jws", "pdf")


@router.get(ERASURE)
def ask_erasure(request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    if session is None or not is_fresh(services, session):
        return to_login(request, ERASURE)
    epoch = work.passes.latest_offline_epoch(session.traveller_id)
    latest = None if epoch is None else dies_at(epoch)
    offline = latest if latest is not None and latest > services.clock() else None
    return _form(request, services, language_of(request), offline)


@router.post(ERASURE)
def erase_everything(request: Request, services: Provided, session: Session, form: Form) -> Response:
    """303 to the certificate's page. The deletion is durable before the key is destroyed."""
    mine = checked(request, services, session, form)
    if not is_fresh(services, mine):
        return to_login(request, ERASURE, form=form)
    language = language_of(request, form.get("lang"))
    if form.get("erase") != "yes":
        return _form(request, services, language, None, not_ticked=True)
    at = services.clock()
    with services.begin() as work:
        certified = erase_with_certificate(
            work,
            keys=services.keys,
            status_signer=services.status_signer,
            rules=services.rulebook.rights,
            traveller=mine.traveller_id,
            at=at,
            entropy=services.entropy,
        )
    destroy_erased_keys(services.begin, keys=services.keys, at=at)
    away = RedirectResponse(f"{certificate_path(certified.link)}?lang={language}", status_code=303)
    return delete_session_cookie(server_of(request), away)


@router.get(f"{RIGHTS}/certificates/{{token}}")
def show_certificate(request: Request, token: Token, services: Provided, work: Transaction) -> Response:
    language = language_of(request)
    kept = work.rights.certificate(_digest(token))
    at = services.clock()
    if kept is None or at >= kept.forget_at:
        raise Problem("certificate-unknown")
    ready = kept.key_destroyed_at is not None and work.journal.proof(kept.leaf) is not None
    complete = at >= kept.complete_at and not work.epochs.due(kept.complete_at)
    return render(
        request,
        "rights/certificate.html",
        language,
        token=token,
        ready=ready,
        complete=complete,
        complete_at=kept.complete_at,
        key_destroyed_at=kept.key_destroyed_at,
        until=kept.forget_at,
    )


@router.post(f"{RIGHTS}/certificates/{{token}}")
def fetch_certificate(request: Request, token: Token, services: Provided, work: Transaction, form: Form) -> Response:
    """The certificate as a file: `format` is jws or pdf."""
    form_of = form.get("format")
    if form_of not in _FORMATS:
        raise Problem("invalid-request", "The form names no format.")
    issued = issue_certificate(
        work,
        signer=services.receipt_signer,
        issuer=services.issuer,
        rules=services.rulebook.rights,
        token=_raw(token),
        at=services.clock(),
    )
    if isinstance(issued, Denied):
        raise of_denial(issued)
    language = language_of(request, form.get("lang"))
    if isinstance(issued, NotYet):
        return RedirectResponse(f"{certificate_path(token)}?lang={language}", status_code=303)
    return _file(issued, form_of, language, at=services.clock())


def certificate_path(link: str) -> str:
    """Where the certificate of a link is, beneath the broker's origin."""
    return f"{RIGHTS}/certificates/{link}"


def _file(issued: Certificate, form_of: str, language: str, *, at: datetime) -> Response:
    if form_of == "jws":
        return attachment(issued.jws.encode(), media_type="application/jose", name="tongguan-erasure.jws")
    paper = certificate_paper(issued.claims, issued.jws, language, catalogue(language))
    return attachment(to_pdf(paper, at=at), media_type="application/pdf", name="tongguan-erasure.pdf")


def _form(
    request: Request, services: Services, language: str, offline: datetime | None, *, not_ticked: bool = False
) -> Response:
    rules = services.rulebook.rights
    return render(
        request,
        "rights/erasure.html",
        language,
        status=422 if not_ticked else 200,
        remains=rules.remains,
        cites=rules.cites("erasure"),
        offline=offline,
        not_ticked=not_ticked,
        csrf=csrf_token(request),
    )


def _raw(token: str) -> bytes:
    raw = urlsafe_b64decode(token + "=")
    if len(raw) != TOKEN_BYTES:
        raise Problem("certificate-unknown")
    return raw


def _digest(token: str) -> bytes:
    return sha256(_raw(token)).digest()
