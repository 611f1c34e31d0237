"""The provider's answer to a request for approval becomes a result that only the partner can open."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from broker.core.answer import seal_answer
from broker.core.approval import ApprovalKind, ApprovalRequest, ApprovalStatus, ending_of
from broker.core.claim_categories import categories_of
from broker.core.consent import Use, gap
from broker.core.consent_grant import ConsentGrant, ReleaseStatement
from broker.core.denial import InvalidInput
from broker.core.departure import Departure, Kept
from broker.core.form_fields import read_fields
from broker.core.rulebook import Rulebook
from broker.core.unsealing import unseal
from broker.flows.begin_approval import context_of, release_of
from broker.flows.decide_approval import decide_approval
from broker.flows.end_approval import end_approval, tell_partner
from broker.flows.issue_consent_grant import Granting, issue_consent_grant
from broker.flows.opening import open_vouched
from broker.flows.ports import BeginWork, Entry, KeyStore, Work
from broker.wire.approval_connector import ApprovalConnector, DocumentSignature, FilledForm, NoticeOutcome
from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Sealing:
    """What results are made with."""

    keys: KeyStore
    rulebook: Rulebook
    signer: Signer
    issuer: str
    granting: Granting


def finish_approval(
    begin: BeginWork,
    *,
    sealing: Sealing,
    request: ApprovalRequest,
    connector: ApprovalConnector,
    answer: Mapping[str, str],
    at: datetime,
    entropy: Entropy,
) -> ApprovalRequest:
    """Take the browser's answer up at the provider; returns the request as it stands then. Raises ConnectorError when
    the person may try again, or the provider delivers later by a notice.
    """
    if request.traveller is None or request.memory is None:
        raise ValueError("nothing was begun at a provider")
    memory = unseal(request.memory, key=sealing.keys.key(request.traveller), context=context_of(request))
    outcome: NoticeOutcome
    try:
        if request.kind is ApprovalKind.FORM_FILL:
            outcome = connector.finish_form_fill(answer, memory=memory, at=at)
        else:
            outcome = connector.finish_signature(answer, memory=memory, at=at)
    except ConnectorError as error:
        if ending_of(error.fault) is None:
            raise
        outcome = error.fault
    with begin() as work:
        return settle_approval(work, request, outcome, sealing=sealing, at=at, entropy=entropy)


def settle_approval(
    work: Work, request: ApprovalRequest, outcome: NoticeOutcome, *, sealing: Sealing, at: datetime, entropy: Entropy
) -> ApprovalRequest:
    """The outcome in one transaction: consent, result, journal, notice. A second outcome changes nothing."""
    # (1) still open, and the very request that was at the provider
    locked = work.approvals.lock(request.request_id)
    if locked is None or locked.traveller is None or locked.status_at(at) is not ApprovalStatus.APPROVING:
        return locked or request
    # (2) a no
    if isinstance(outcome, ProviderFault):
        status = ending_of(outcome)
        return locked if status is None else end_approval(work, locked, status, at=at, entropy=entropy)
    result = _result(locked, outcome)
    if result is None:
        return end_approval(work, locked, ApprovalStatus.REJECTED, at=at, entropy=entropy)
    # (3) the consent still covers it: locked, counted; a withdrawal that committed first has won
    consent = _covering(work, sealing.rulebook, locked, at=at)
    partner = work.partners.find(locked.partner_id)
    if consent is None or partner is None or not partner.active or partner.jwks is None:
        return end_approval(work, locked, ApprovalStatus.REFUSED, at=at, entropy=entropy)
    # (4) what the law of the place where the data reside says
    departure = decide_approval(
        work,
        locked,
        keys=sealing.keys,
        rulebook=sealing.rulebook,
        traveller=locked.traveller,
        partner=partner,
        at=at,
    )
    if departure.refusal is not None:
        return end_approval(work, locked, ApprovalStatus.HELD, at=at, entropy=entropy, departure=departure)
    work.consents.count_use(consent, at)
    # (5) stated and journalled, then sealed to the partner: at rest the broker itself cannot open it
    grant = _grant(work, sealing, locked, locked.traveller, consent, departure, at=at, entropy=entropy)
    stated = {} if grant is None else {"consent_grant": grant.sha256.hex()}
    happened = "form" if locked.kind is ApprovalKind.FORM_FILL else "document"
    entry = Entry(
        kind=f"partner:{happened}:approved",
        clear={"recipient": locked.partner_id, "purpose": locked.purpose, "claims": sorted(locked.claims())},
        personal={"consent": str(consent), "request": str(locked.request_id), "at": at.isoformat(), **stated},
        traveller=locked.traveller,
        traveller_key=sealing.keys.key(locked.traveller),
        departure=departure,
    )
    leaf = work.journal.append(entry, at=at, entropy=entropy)
    kinds = categories_of(locked.claims())
    told = Kept(result, departures=work.departures, traveller=locked.traveller, categories=kinds).leave(departure)
    body = {"request": str(locked.request_id), **told, "consents": [str(consent)], "journal": [leaf.hex()]}
    if grant is not None:
        body["consent_grants"] = [grant.jws]
    try:
        sealed = seal_answer(
            body,
            answer_id=str(locked.request_id),
            issuer=sealing.issuer,
            partner_id=locked.partner_id,
            subject=locked.subject,
            key_set=partner.jwks,
            signer=sealing.signer,
            departures=[departure],
            at=at,
        )
    except InvalidInput:  # the key went since the request was made: nothing may wait here unsealed
        return end_approval(work, locked, ApprovalStatus.REJECTED, at=at, entropy=entropy)
    ready = replace(
        locked,
        status=ApprovalStatus.READY,
        consent=consent,
        memory=None,
        result=sealed.encode(),
        settled_at=at,
    )
    work.approvals.keep(ready)
    tell_partner(work, ready, at=at, entropy=entropy)
    return ready


def _grant(
    work: Work,
    sealing: Sealing,
    request: ApprovalRequest,
    traveller: UUID,
    consent: UUID,
    departure: Departure,
    *,
    at: datetime,
    entropy: Entropy,
) -> ConsentGrant | None:
    """None where nobody vouched: people who last logged in before that was kept."""
    key, sealed = sealing.keys.key(traveller), work.travellers.vouched(traveller)
    if sealed is None:
        return None
    vouched = open_vouched(work, sealed, traveller=traveller, key=key).leave(departure)
    release = ReleaseStatement(request.purpose, request.partner_id, frozenset(request.claims()), (consent,))
    return issue_consent_grant(
        sealing.granting, vouched, key=key, release=release, verification=None, at=at, entropy=entropy
    )


def _result(request: ApprovalRequest, outcome: NoticeOutcome) -> dict[str, Any] | None:
    """Exactly what was asked for; None for an outcome of another kind or about another document."""
    if isinstance(outcome, FilledForm) and request.kind is ApprovalKind.FORM_FILL:
        fields = read_fields(request.provider or "", request.claims(), outcome.fields)
        return {"fields": fields, "provider": request.provider, "evidence": outcome.evidence_hash.hex()}
    if isinstance(outcome, DocumentSignature) and request.kind is ApprovalKind.SIGNATURE:
        if outcome.sha256.hex() != request.asked["sha256"]:
            return None
        signature = {
            "sha-256": outcome.sha256.hex(),
            "value": b64encode(outcome.signature).decode(),
            "certificate": b64encode(outcome.certificate).decode(),
            "algorithm": outcome.algorithm,
            "signed_at": outcome.signed_at.isoformat(),
        }
        return {"signature": signature, "provider": request.provider, "evidence": outcome.evidence_hash.hex()}
    return None


def _covering(work: Work, rulebook: Rulebook, request: ApprovalRequest, *, at: datetime) -> UUID | None:
    """The id of the consent that covers the result now, or None."""
    recipient = work.partners.recipient(request.partner_id)
    if recipient is None or request.traveller is None:
        return None
    release = release_of(rulebook, request)
    use = Use(
        request.traveller,
        request.purpose,
        recipient.recipient_id,
        recipient.controller.controller_id,
        request.claims(),
        release.retention,
    )
    for record, used in work.consents.lock_and_count(request.traveller, [use], at):
        if gap(record, use, at=at, used=used) is None:
            return record.consent_id
    return None
