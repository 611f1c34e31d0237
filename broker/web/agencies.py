"""The partner API: what an agency may ask about the person behind its token (specs/partner-api.md)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from broker.core.answer import MEDIA_TYPE
from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims, canonical_claim
from broker.core.jws import public_jwk
from broker.flows.answer_document import BoundDocument, answer_document
from broker.flows.grant_status import grant_status
from broker.flows.issue_consent_grant import Granting
from broker.flows.ports import Work
from broker.flows.release_claims import release_claims
from broker.flows.verify_claims import verify_claims
from broker.oidc.resource import AccessToken, ClientToken, require_client_token, require_token
from broker.web import agencies_requests
from broker.web.agencies_messages import (
    AnswerOrder,
    ClaimName,
    Claims,
    GrantQuestion,
    GrantState,
    GrantStates,
    PredicateAnswers,
    PredicateQuestion,
    Verification,
    VerificationAnswers,
)
from broker.web.agencies_openapi import BY_CLIENT, BY_PERSON, PREFIX, document, problems, security
from broker.web.bodies import JSON, KIB, BodyRule, Rules
from broker.web.error_handlers import respond
from broker.web.fields import answer_with
from broker.web.problems import Problem, of_denial
from broker.web.services import Provided, Services, Transaction

router = APIRouter(prefix=PREFIX)

_SMALL = BodyRule(frozenset({JSON}), 16 * KIB)
RULES: Rules = {
    ("POST", f"{PREFIX}/{name}"): _SMALL for name in ("predicates", "verifications", "answers", "grants/status")
}

BEHIND_A_DOCUMENT: Final = timedelta(minutes=15)
"""How long ago the person may have logged in when an answer is bound to a document: others rely on the sealed answer
for as long as they like, so it is not made from a refresh token months after anybody was seen.
"""

Person = Annotated[AccessToken, Depends(require_token("openid", audience=PREFIX))]
PersonAtHand = Annotated[AccessToken, Depends(require_token("openid", audience=PREFIX, max_age=BEHIND_A_DOCUMENT))]
Agency = Annotated[ClientToken, Depends(require_client_token("partner"))]


@router.get("/openapi.json", include_in_schema=False)
def openapi(services: Provided) -> Response:
    return JSONResponse(document([*router.routes, *agencies_requests.router.routes], issuer=services.issuer))


@router.get("/jwks", response_model=dict[str, Any], responses=problems(token=False), operation_id="keys")
def keys(services: Provided) -> Response:
    """The keys that answers and notices are signed with (RFC 7517), the present one first."""
    found = [public_jwk(key) for key in services.statement_keys]
    return JSONResponse({"keys": found}, headers={"Cache-Control": "public, max-age=300"})


@router.get(
    "/claims",
    response_model=Claims,
    responses=problems(422, 429),
    openapi_extra=security(BY_PERSON),
    operation_id="claims",
)
def claims(
    request: Request,
    token: Person,
    services: Provided,
    work: Transaction,
    claim: Annotated[list[ClaimName] | None, Query(max_length=32, description="Only these; default: all.")] = None,
) -> Response:
    """The claims that the person agreed to, for the purposes of this grant."""
    released = _release(services, work, token, None if claim is None else _names(claim))
    if isinstance(released, Denied):
        return respond(request, of_denial(released))
    verification = None if released.verification is None else dict(released.verification)
    return answer_with(
        Claims(
            claims=dict(released.values),
            verification=verification,
            consent_grants=list(released.consent_grants),
            **_basis(services, token, released),
        )
    )


@router.post(
    "/predicates",
    response_model=PredicateAnswers,
    responses=problems(429, body=True),
    openapi_extra=security(BY_PERSON),
    operation_id="predicates",
)
def predicates(
    request: Request, asked: PredicateQuestion, token: Person, services: Provided, work: Transaction
) -> Response:
    """Yes or no in place of data."""
    released = _release(services, work, token, _names(asked.predicates), kind="partner:predicates:answered")
    if isinstance(released, Denied):
        return respond(request, of_denial(released))
    answers = {name: released.values.get(canonical_claim(name) or name) for name in asked.predicates}
    return answer_with(PredicateAnswers(answers=answers, **_basis(services, token, released)))


@router.post(
    "/verifications",
    response_model=VerificationAnswers,
    responses=problems(429, body=True),
    openapi_extra=security(BY_PERSON),
    operation_id="verifications",
)
def verifications(
    request: Request, asked: Verification, token: Person, services: Provided, work: Transaction
) -> Response:
    """Whether values that the agency has are the ones an authority vouched for. Wrong ones are counted."""
    verified = verify_claims(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        traveller=token.traveller_id,
        client=token.client,
        releases=token.releases,
        stated=asked.claims,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(verified, Denied):
        return respond(request, of_denial(verified))
    return answer_with(
        VerificationAnswers(matches=dict(verified.matches), **_basis(services, token, verified.released))
    )


@router.post(
    "/answers",
    response_class=Response,
    responses=problems(409, 429, body=True)
    | {
        200: {
            "description": "A signed JWT (typ tongguan-answer+jwt) within a JWE to the partner's key.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
    openapi_extra=security(BY_PERSON),
    operation_id="answers",
)
def answers(
    request: Request, asked: AnswerOrder, token: PersonAtHand, services: Provided, work: Transaction
) -> Response:
    """Claims or predicates bound to one document, signed and encrypted to the agency. The person logged in at most 15
    minutes ago; otherwise 401 `insufficient_user_authentication`, whose challenge says `max_age` (RFC 9470).
    """
    sealed = answer_document(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        signer=services.answer_signer,
        granting=Granting(services.receipt_signer, services.issuer),
        issuer=services.issuer,
        traveller=token.traveller_id,
        subject=token.subject,
        client=token.client,
        releases=token.releases,
        document=BoundDocument(asked.document.sha256, asked.document.number),
        wanted=_names(asked.claims),
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(sealed, Denied):
        return respond(request, of_denial(sealed))
    return Response(sealed, media_type=MEDIA_TYPE)


@router.post(
    "/grants/status",
    response_model=GrantStates,
    responses=problems(body=True),
    openapi_extra=security(BY_CLIENT),
    operation_id="grantStatus",
)
def grants(asked: GrantQuestion, token: Agency, services: Provided, work: Transaction) -> Response:
    """What became of up to a hundred grants of this partner."""
    found = grant_status(work, partner_id=token.partner_id or "", grants=asked.grants, at=services.clock())
    states = [
        GrantState(grant=one.grant_id, status=one.state, expires_at=one.expires_at, consents=list(one.consents))
        for one in found
    ]
    return answer_with(GrantStates(grants=states))


def _release(
    services: Services,
    work: Work,
    token: AccessToken,
    wanted: frozenset[str] | None,
    **options: Any,
) -> ReleasedClaims | Denied:
    return release_claims(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        traveller=token.traveller_id,
        client=token.client,
        releases=token.releases,
        wanted=wanted,
        at=services.clock(),
        entropy=services.entropy,
        granting=Granting(services.receipt_signer, services.issuer),
        **options,
    )


def _names(asked: Sequence[str]) -> frozenset[str]:
    """Canonical claim names. Raises Problem for one that there is not."""
    names = {canonical_claim(name) for name in asked}
    if None in names:
        raise Problem("invalid-request", "A claim is not known; /.well-known/openid-configuration lists them.")
    return frozenset(name for name in names if name is not None)


def _basis(services: Services, token: AccessToken, released: ReleasedClaims) -> dict[str, Any]:
    return {
        "sub": token.subject,
        "consents": list(released.consents),
        "journal": [leaf.hex() for leaf in released.journal_leaves],
        "synthetic": services.sandbox,
    }
