"""The partner API's requests to people: forms to be filled and documents to be signed at their own provider
(specs/partner-api.md 8).
"""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from broker.core.approval import OPEN, ApprovalKind, ApprovalRequest
from broker.core.denial import Denied
from broker.flows.ask_approval import Wish, ask_approval
from broker.flows.fetch_approval import fetch_approval
from broker.flows.ports import Work
from broker.oidc.resource import ClientToken, require_client_token
from broker.web.agencies_messages import ApprovalState, FormFillOrder, SignatureOrder
from broker.web.agencies_openapi import BY_CLIENT, PREFIX, problems, security
from broker.web.bodies import JSON, KIB, BodyRule, Rules
from broker.web.error_handlers import respond
from broker.web.fields import answer_with
from broker.web.problems import of_denial
from broker.web.services import Provided, Services, Transaction

router = APIRouter(prefix=PREFIX)

_SMALL = BodyRule(frozenset({JSON}), 16 * KIB)
RULES: Rules = {("POST", f"{PREFIX}/{name}"): _SMALL for name in ("form-fills", "signatures")}

Agency = Annotated[ClientToken, Depends(require_client_token("partner"))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same body within a day gives the same request again.",
    ),
]


@router.post(
    "/form-fills",
    status_code=201,
    response_model=ApprovalState,
    responses=problems(409, body=True),
    openapi_extra=security(BY_CLIENT),
    operation_id="askFormFill",
)
def ask_form_fill(
    request: Request,
    order: FormFillOrder,
    token: Agency,
    services: Provided,
    work: Transaction,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask a person to let their provider fill named fields of a form."""
    form = {"form": order.form.name, "number": order.form.number, "description": order.form.description}
    asked = {"fields": sorted(set(order.fields)), **form}
    lifetime = timedelta(seconds=order.expires_in)
    wish = Wish(ApprovalKind.FORM_FILL, asked, order.subject, order.return_uri, lifetime)
    return _ask(request, services, work, token, wish, idempotency_key)


@router.post(
    "/signatures",
    status_code=201,
    response_model=ApprovalState,
    responses=problems(409, body=True),
    openapi_extra=security(BY_CLIENT),
    operation_id="askSignature",
)
def ask_signature(
    request: Request,
    order: SignatureOrder,
    token: Agency,
    services: Provided,
    work: Transaction,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask a person to sign a document's hash with their provider's key."""
    document = {"sha256": order.document.sha256, "name": order.document.name, "kind": order.document.kind}
    lifetime = timedelta(seconds=order.expires_in)
    wish = Wish(ApprovalKind.SIGNATURE, document, order.subject, order.return_uri, lifetime)
    return _ask(request, services, work, token, wish, idempotency_key)


@router.get(
    "/form-fills/{request_id}",
    response_model=ApprovalState,
    responses=problems(404, 422),
    openapi_extra=security(BY_CLIENT),
    operation_id="formFill",
)
def form_fill(request: Request, request_id: UUID, token: Agency, services: Provided, work: Transaction) -> Response:
    """Where a form stands, and once the fields."""
    return _fetch(request, services, work, token, ApprovalKind.FORM_FILL, request_id)


@router.get(
    "/signatures/{request_id}",
    response_model=ApprovalState,
    responses=problems(404, 422),
    openapi_extra=security(BY_CLIENT),
    operation_id="signature",
)
def signature(request: Request, request_id: UUID, token: Agency, services: Provided, work: Transaction) -> Response:
    """Where a signature stands, and once the signature."""
    return _fetch(request, services, work, token, ApprovalKind.SIGNATURE, request_id)


def _ask(request: Request, services: Services, work: Work, token: ClientToken, wish: Wish, key: str | None) -> Response:
    asked = ask_approval(
        work,
        wish,
        rulebook=services.rulebook,
        client=token.client,
        idempotency_key=key,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(asked, Denied):
        return respond(request, of_denial(asked))
    answer = answer_with(_state(services, asked), 201)
    answer.headers["Location"] = f"{PREFIX}/{asked.kind.value}s/{asked.request_id}"
    return answer


def _fetch(
    request: Request, services: Services, work: Work, token: ClientToken, kind: ApprovalKind, request_id: UUID
) -> Response:
    found = fetch_approval(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        client=token.client,
        kind=kind,
        request_id=request_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(found, Denied):
        return respond(request, of_denial(found))
    return answer_with(_state(services, found))


def _state(services: Services, found: ApprovalRequest) -> ApprovalState:
    status = found.status_at(services.clock())
    return ApprovalState(
        id=found.request_id,
        status=status,
        approval_url=f"{services.issuer}/approvals/{found.request_id}" if status in OPEN else None,
        expires_at=found.expires_at,
        result=None if found.result is None else found.result.decode(),
    )
