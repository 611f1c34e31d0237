"""The wallet API: what a person does about their own face, consents and passes. Every address needs a DPoP-bound access
token of scope `wallet`; the person is the token's.
"""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from broker.core.denial import Denied
from broker.flows.certify_erasure import erase_with_certificate
from broker.flows.enrol import enrol
from broker.flows.erase import destroy_erased_keys
from broker.flows.issue_consent_grant import Granting
from broker.flows.look import list_uses, show_profile
from broker.flows.mint_pass import mint_pass
from broker.flows.ports import JournalledUse, Work
from broker.flows.revoke_pass import revoke_pass
from broker.flows.withdraw_consent import forget_face
from broker.oidc.resource import AccessToken, need_login, require_token
from broker.web.bodies import JSON, KIB, MIB, BodyRule, Rules
from broker.web.error_handlers import respond
from broker.web.fields import PassId, answer_with, from_base64url, to_base64url
from broker.web.pages import language_of
from broker.web.problems import of_denial
from broker.web.rights_erasure import certificate_path
from broker.web.rights_log_view import line_of
from broker.web.rights_requests import REVIEWS
from broker.web.services import Provided, Services, Transaction
from broker.web.wallet_consents import recipient_name
from broker.web.wallet_messages import (
    Enrolment,
    Erased,
    Me,
    Offers,
    Pass,
    Passes,
    PassOrder,
    PurposeOffer,
    Revocation,
    Use,
    Uses,
    Withdrawal,
    ZoneOffer,
)
from broker.wire.travel_pass import PassMode

router = APIRouter(prefix="/wallet/v1")

RULES: Rules = {
    ("POST", "/wallet/v1/enrolment"): BodyRule(
        frozenset({"image/jpeg", "image/png"}), 8 * MIB, together=48 * MIB, with_token=True
    ),
    ("POST", "/wallet/v1/passes"): BodyRule(frozenset({JSON}), 8 * KIB),
}

Person = Annotated[AccessToken, Depends(require_token("wallet"))]

_MODES: Mapping[str, PassMode] = {"online": PassMode.ONLINE, "offline": PassMode.OFFLINE}


async def _body(request: Request) -> bytes:
    return await request.body()


@router.get("/me")
def me(token: Person, services: Provided, work: Transaction) -> Response:
    profile = show_profile(work, keys=services.keys, traveller=token.traveller_id)
    claims = profile.claims
    return answer_with(
        Me(
            traveller=token.subject,
            provider=token.provider,
            name=None if claims is None else claims.display_name,
            enrolled=profile.enrolled_at is not None,
            enrolled_at=profile.enrolled_at,
            portrait_waiting=profile.portrait_waiting,
        )
    )


@router.get("/purposes")
def purposes(request: Request, token: Person, services: Provided) -> Response:
    language = language_of(request)
    rules = services.rulebook
    return answer_with(
        Offers(
            purposes=[
                PurposeOffer(
                    purpose=purpose.purpose_id,
                    title=purpose.texts["title"][language],
                    description=purpose.texts["purpose"][language],
                    per_zone=purpose.per_zone,
                )
                for purpose in rules.purposes.purposes.values()
            ],
            zones=[
                ZoneOffer(
                    zone=zone.zone_id,
                    name=zone.name[language],
                    controller=zone.controller.name[language],
                    jurisdiction=zone.jurisdiction,
                )
                for zone in rules.zones.zones.values()
            ],
        )
    )


@router.post("/enrolment")
def enrol_face(
    request: Request, token: Person, services: Provided, capture: Annotated[bytes, Depends(_body)]
) -> Response:
    """Two short transactions of its own, none of them open while the face engine looks."""
    outcome = enrol(
        services.begin,
        keys=services.keys,
        rulebook=services.rulebook,
        examiner=services.examiner,
        status_signer=services.status_signer,
        traveller=token.traveller_id,
        capture=capture,
        at=services.clock(),
        entropy=services.entropy,
    )
    return respond(request, of_denial(outcome)) if isinstance(outcome, Denied) else answer_with(Enrolment(), 201)


@router.delete("/enrolment")
def forget(request: Request, token: Person, services: Provided, work: Transaction) -> Response:
    """Delete the face and withdraw the consent it was enrolled under."""
    outcome = forget_face(
        work,
        keys=services.keys,
        status_signer=services.status_signer,
        traveller=token.traveller_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(outcome, Denied):
        return respond(request, of_denial(outcome))
    return answer_with(
        Withdrawal(
            consent_id=outcome.record.consent_id,
            status="withdrawn",
            withdrawn_at=outcome.record.settled_at,
            revoked_passes=outcome.revoked_passes,
            latest_offline_effect=outcome.offline_effect,
        )
    )


@router.post("/passes")
def passes(request: Request, order: PassOrder, token: Person, services: Provided, work: Transaction) -> Response:
    at, mode = services.clock(), _MODES[order.mode]
    outcome = mint_pass(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        pass_signer=services.pass_signer,
        traveller=token.traveller_id,
        zone=order.zone,
        device_keys=[from_base64url(point) for point in order.device_keys],
        mode=mode,
        at=at,
        entropy=services.entropy,
        granting=Granting(services.receipt_signer, services.issuer) if order.consent_grant else None,
    )
    if isinstance(outcome, Denied):
        return respond(request, of_denial(outcome))
    minted = [
        Pass(
            pass_id=made.pass_id.hex(),
            pass_=to_base64url(made.pass_bytes),
            sealed_template=None if made.sealed_template is None else to_base64url(made.sealed_template),
            expires_at=made.expires_at,
            latest_offline_effect=made.expires_at if mode is PassMode.OFFLINE else None,
        )
        for made in outcome
    ]
    return answer_with(Passes(passes=minted, consent_grant=outcome[0].consent_grant))


@router.post("/passes/{pass_id}/revoke")
def revoke(
    request: Request,
    pass_id: Annotated[PassId, Path()],
    token: Person,
    services: Provided,
    work: Transaction,
) -> Response:
    outcome = revoke_pass(
        work,
        keys=services.keys,
        status_signer=services.status_signer,
        traveller=token.traveller_id,
        pass_id=bytes.fromhex(pass_id),
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(outcome, Denied):
        return respond(request, of_denial(outcome))
    return answer_with(Revocation(pass_id=pass_id, latest_offline_effect=outcome.offline_effect))


@router.get("/uses")
def uses(request: Request, token: Person, services: Provided, work: Transaction) -> Response:
    language = language_of(request)
    found = list_uses(work, keys=services.keys, traveller=token.traveller_id)
    return answer_with(Uses(uses=[_use(services, work, use, language) for use in found]))


@router.delete("/account")
def erase_account(token: Person, services: Provided) -> Response:
    """Erasure: the deletion is durable before the person's key is destroyed. Whoever finds an unlocked phone does not
    get here: the person logs in again first (specs/rights.md 1).
    """
    at = services.clock()
    need_login(token, max_age=services.rulebook.rights.step_up.window, at=at)
    with services.begin() as work:
        certified = erase_with_certificate(
            work,
            keys=services.keys,
            status_signer=services.status_signer,
            rules=services.rulebook.rights,
            traveller=token.traveller_id,
            at=at,
            entropy=services.entropy,
        )
    destroy_erased_keys(services.begin, keys=services.keys, at=at)
    erasure = certified.erasure
    certificate = services.issuer + certificate_path(certified.link)
    return answer_with(Erased(erased_at=erasure.at, complete_at=erasure.complete_at, certificate=certificate))


def _use(services: Services, work: Work, use: JournalledUse, language: str) -> Use:
    clear, line = use.clear, line_of(use, services, work, language)
    recipient = clear.get("recipient", clear.get("zone"))
    zone = clear.get("zone") or (recipient if recipient in services.rulebook.zones.zones else None)
    reasons = clear.get("reasons") or ([clear["reason"]] if clear.get("reason") else [])
    return Use(
        entry=use.leaf_hash.hex(),
        at=use.at,
        kind=use.kind,
        purpose=clear.get("purpose"),
        zone=zone,
        recipient=None if recipient is None else recipient_name(services, work, str(recipient), language),
        decision=clear.get("decision"),
        reasons=[str(reason) for reason in reasons],
        title=line.title,
        against="held" if line.held else "declined" if line.declined else None,
        why=list(line.why),
        review=f"{services.issuer}{REVIEWS}/new?entry={line.leaf}&lang={language}" if line.reviewable else None,
    )
