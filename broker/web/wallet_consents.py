"""The wallet API of consents: what a person agreed to, towards whom, how to pause it, go on with it or take it back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import Denied
from broker.core.travel import IssuedPass, offline_effect
from broker.core.zone import BROKER
from broker.flows.look import list_consents
from broker.flows.pause_consent import pause_consent, resume_consent
from broker.flows.ports import Work
from broker.flows.withdraw_consent import withdraw_consent
from broker.oidc.resource import AccessToken, require_token
from broker.web.durations import in_words, limit_in_words
from broker.web.error_handlers import respond
from broker.web.fields import answer_with
from broker.web.messages import catalogue
from broker.web.pages import language_of
from broker.web.problems import of_denial
from broker.web.services import Provided, Services, Transaction
from broker.web.wallet_messages import Consent, Consents, ConsentState, Pause, Resumption, Withdrawal

router = APIRouter(prefix="/wallet/v1")

Person = Annotated[AccessToken, Depends(require_token("wallet"))]


@router.get("/consents")
def consents(request: Request, token: Person, services: Provided, work: Transaction) -> Response:
    """Every consent in the version that stands or stood last, newest first, with the receipts of all its versions."""
    language, at = language_of(request), services.clock()
    records = list_consents(work, traveller=token.traveller_id)
    live = work.passes.live(token.traveller_id, at=at)
    current = [(record, receipt) for record, receipt in records if record.status is not ConsentStatus.SUPERSEDED]
    earlier: dict[UUID, list[str]] = {}
    for record, receipt in sorted(records, key=lambda one: one[0].version):
        if record.status is ConsentStatus.SUPERSEDED:
            earlier.setdefault(record.series_id, []).append(receipt)
    found = [
        _consent(services, work, record, receipt, earlier.get(record.series_id, []), live, language, at)
        for record, receipt in current
    ]
    return answer_with(Consents(consents=found))


@router.post("/consents/{consent_id}/withdraw")
def withdraw(request: Request, consent_id: UUID, token: Person, services: Provided, work: Transaction) -> Response:
    outcome = withdraw_consent(
        work,
        keys=services.keys,
        status_signer=services.status_signer,
        traveller=token.traveller_id,
        consent_id=consent_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(outcome, Denied):
        return respond(request, of_denial(outcome))
    return answer_with(
        Withdrawal(
            consent_id=outcome.record.consent_id,
            status="withdrawn" if outcome.record.status == "withdrawn" else "expired",
            withdrawn_at=outcome.record.settled_at,
            revoked_passes=outcome.revoked_passes,
            latest_offline_effect=outcome.offline_effect,
        )
    )


@router.post("/consents/{consent_id}/pause")
def pause(request: Request, consent_id: UUID, token: Person, services: Provided, work: Transaction) -> Response:
    outcome = pause_consent(
        work,
        keys=services.keys,
        status_signer=services.status_signer,
        traveller=token.traveller_id,
        consent_id=consent_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(outcome, Denied):
        return respond(request, of_denial(outcome))
    return answer_with(
        Pause(
            consent_id=outcome.record.consent_id,
            revoked_passes=outcome.revoked_passes,
            latest_offline_effect=outcome.offline_effect,
        )
    )


@router.post("/consents/{consent_id}/resume")
def resume(request: Request, consent_id: UUID, token: Person, services: Provided, work: Transaction) -> Response:
    outcome = resume_consent(
        work,
        keys=services.keys,
        traveller=token.traveller_id,
        consent_id=consent_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(outcome, Denied):
        return respond(request, of_denial(outcome))
    return answer_with(Resumption(consent_id=outcome.consent_id, valid_until=outcome.valid_until))


def recipient_name(services: Services, work: Work, recipient: str, language: str) -> str:
    """What people call a recipient: a zone, the broker, a partner (a suspended one too), else its id."""
    zones = services.rulebook.zones
    if recipient in zones.zones:
        return zones.zones[recipient].name[language]
    if recipient == BROKER:
        return zones.broker.name[language]
    partner = work.partners.find(recipient)
    return recipient if partner is None else partner.names[language]


def _consent(
    services: Services,
    work: Work,
    record: ConsentRecord,
    receipt: str,
    earlier: Sequence[str],
    live: Sequence[IssuedPass],
    language: str,
    at: datetime,
) -> Consent:
    texts, rules = catalogue(language), services.rulebook
    status = _status(record, at)
    partner = record.purpose in rules.partner.purposes
    resting = [issued for issued in live if record.consent_id in issued.consents]
    words = [rules.partner.words.words(claim, language) for claim in sorted(record.categories)] if partner else []
    return Consent(
        consent_id=record.consent_id,
        kind="partner" if partner else "travel",
        purpose=record.purpose,
        title=rules.title(record.purpose, language),
        zone=record.recipient if record.recipient in rules.zones.zones else None,
        recipient=recipient_name(services, work, record.recipient, language),
        categories=words or [texts["category"][category] for category in sorted(record.categories)],
        frequency=None if record.frequency is None else limit_in_words(record.frequency, texts),
        retention=None if record.retention is None else in_words(record.retention, texts),
        status=status,
        version=record.version,
        given_at=record.given_at,
        valid_until=record.valid_until,
        settled_at=record.settled_at,
        latest_offline_effect=offline_effect(resting, at=at) if status == "active" else None,
        receipt=receipt,
        earlier_receipts=list(earlier),
    )


def _status(record: ConsentRecord, at: datetime) -> ConsentState:
    """The state a person reads: a record that ran out has expired, whatever the ledger calls it."""
    match record.status:
        case ConsentStatus.WITHDRAWN:
            return "withdrawn"
        case ConsentStatus.ACTIVE if record.valid_until > at:
            return "active"
        case ConsentStatus.PAUSED if record.valid_until > at:
            return "paused"
    return "expired"
