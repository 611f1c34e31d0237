"""The pages on which a person meets what a partner asks them to approve. Agreeing happens on the pages about consent,
approving at the provider; here one leads to the other, and back to the partner.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from broker.core.approval import OPEN, ApprovalKind, ApprovalRequest, ApprovalStatus
from broker.core.authorization import AuthorizationRequest, LoginSession, PendingRequest, digest
from broker.core.denial import InvalidInput
from broker.core.identity_release import IdentityRelease
from broker.core.jws import to_base64url
from broker.flows.begin_approval import begin_approval, open_approval
from broker.flows.finish_approval import Sealing, finish_approval
from broker.flows.issue_consent_grant import Granting
from broker.oidc.server import server_of
from broker.oidc.session import current_session, is_known_as, login_url
from broker.web.pages import language_of, render
from broker.web.problems import Problem
from broker.web.services import Provided, Services
from broker.wire.identity_connector import ConnectorError, LoginStart

router = APIRouter(include_in_schema=False)

Session = Annotated[LoginSession | None, Depends(current_session)]

_MAX_PARAMETERS = 32
_MAX_VALUE = 8192


@router.get("/approvals/{request_id}")
def show_approval(request: Request, request_id: UUID, services: Provided, session: Session) -> Response:
    path = f"/approvals/{request_id}"
    language = language_of(request)
    with services.begin() as work:
        asked = work.approvals.find(request_id)
    if asked is None:
        raise _over()
    # (1) the person: logged in, and the one the partner means where it means one
    wanted, client = asked.subject, server_of(request).clients.find(asked.client_id)
    if client is None:
        raise _over()
    if session is None or (wanted is not None and not is_known_as(request, session, wanted, to=client)):
        return RedirectResponse(login_url(request, return_to=path, language=language), status_code=303)
    # (2) bound to them, and agreed to by them on the pages about consent
    with services.begin() as work:
        opened = open_approval(
            work,
            rulebook=services.rulebook,
            request_id=request_id,
            traveller=session.traveller_id,
            at=services.clock(),
            entropy=services.entropy,
        )
    if opened is None:
        raise _over()
    if opened.outstanding is not None:
        return _to_consent(request, services, opened.request, opened.outstanding)
    if opened.request.status not in OPEN:
        return _ended(request, services, opened.request, language)
    # (3) to the provider
    return _to_provider(request, services, session, opened.request, language)


@router.get("/approvals/{provider}/callback")
def approval_callback(request: Request, provider: str, services: Provided, session: Session) -> Response:
    """Where the provider sends the browser back to. The answer counts for the person who left, in that browser."""
    language = language_of(request)
    connector: Any = server_of(request).connectors.get(provider)
    answer = _parameters(request)
    state = None if connector is None else connector.state_of(answer)
    if session is None or state is None:
        raise Problem("form-expired")
    with services.begin() as work:
        asked = work.approvals.by_state(digest(state))
    if asked is None or asked.traveller != session.traveller_id or asked.provider != provider:
        raise Problem("form-expired")
    # The provider may have told us from server to server before the browser came.
    if asked.status is not ApprovalStatus.APPROVING:
        return _ended(request, services, asked, language)
    sealing = Sealing(
        services.keys,
        services.rulebook,
        services.answer_signer,
        services.issuer,
        Granting(services.receipt_signer, services.issuer),
    )
    try:
        done = finish_approval(
            services.begin,
            sealing=sealing,
            request=asked,
            connector=connector,
            answer=answer,
            at=services.clock(),
            entropy=services.entropy,
        )
    except ConnectorError as error:
        return _try_again(request, asked, error, language)
    return _ended(request, services, done, language)


def _to_consent(
    request: Request, services: Services, asked: ApprovalRequest, release: IdentityRelease
) -> RedirectResponse:
    """To the pages about consent, which read a waiting authorization request and lead back here."""
    at = services.clock()
    back = f"{services.issuer}/approvals/{asked.request_id}"
    with server_of(request).open_unit() as unit:
        if unit.pending(digest(asked.handle), at) is None:
            waiting = AuthorizationRequest(
                client_id=asked.client_id,
                redirect_uri=back,
                scopes=frozenset(),
                code_challenge="",
                state=None,
                nonce=None,
                prompt=frozenset(),
                max_age=None,
                ui_locales=(),
                dpop_jkt=None,
                releases=(release,),
            )
            unit.add_pending(PendingRequest(digest(asked.handle), waiting, at, asked.expires_at))
    return RedirectResponse(f"{services.issuer}/consent/authorize/{quote(asked.handle)}", status_code=303)


def _to_provider(
    request: Request, services: Services, session: LoginSession, asked: ApprovalRequest, language: str
) -> Response:
    server = server_of(request)
    connector: Any = server.connectors.get(session.provider)
    # Macau One Account fills forms and signs nothing; CTID does neither.
    if not hasattr(connector, "begin_form_fill" if asked.kind is ApprovalKind.FORM_FILL else "begin_signature"):
        return _notice(request, asked, "provider_cannot", language, status=409)
    with services.begin() as work:
        recipient = work.partners.recipient(asked.partner_id)
    if recipient is None:
        raise _over()
    start = LoginStart(
        state=to_base64url(services.entropy(32)),
        redirect_uri=f"{services.issuer}/approvals/{session.provider}/callback",
        language=language,
        at=services.clock(),
        entropy=services.entropy,
    )
    try:
        begun = begin_approval(
            services.begin,
            keys=services.keys,
            rulebook=services.rulebook,
            request=asked,
            connector=connector,
            provider=session.provider,
            tokens=services.upstream(session.traveller_id, session.provider),
            names=(recipient.name[language], recipient.name["en"]),
            start=start,
        )
    except ConnectorError as error:
        return _try_again(request, asked, error, language)
    except InvalidInput:
        return _notice(request, asked, "provider_cannot", language, status=409)
    if isinstance(begun, ApprovalRequest):
        return _ended(request, services, begun, language)
    return RedirectResponse(begun, status_code=303, headers={"Cache-Control": "no-store"})


def _ended(request: Request, services: Services, asked: ApprovalRequest, language: str) -> Response:
    """Back to the partner with the outcome, or a page that says it."""
    status = asked.status_at(services.clock()).value
    if asked.return_uri is None:
        return _notice(request, asked, status, language)
    parts = urlsplit(asked.return_uri)
    query = "&".join(part for part in (parts.query, urlencode({"request": asked.request_id, "status": status})) if part)
    return RedirectResponse(urlunsplit((*parts[:3], query, "")), status_code=303)


def _try_again(request: Request, asked: ApprovalRequest, error: ConnectorError, language: str) -> Response:
    return _notice(request, asked, "again", language, status=502, fault=error.fault.value)


def _notice(
    request: Request, asked: ApprovalRequest, what: str, language: str, *, status: int = 200, fault: str = ""
) -> Response:
    again = f"/approvals/{asked.request_id}?lang={language}"
    return render(request, "approval.html", language, status=status, switch=(), what=what, again=again, fault=fault)


def _parameters(request: Request) -> Mapping[str, str]:
    """The query, each parameter once. Raises Problem."""
    pairs = request.query_params.multi_items()
    found = dict(pairs)
    if len(found) != len(pairs) or len(pairs) > _MAX_PARAMETERS or any(len(v) > _MAX_VALUE for v in found.values()):
        raise Problem("malformed-request", "The provider's answer cannot be read.")
    return found


def _over() -> Problem:
    return Problem("not-found", "The request is over.", text="request_over")
