"""A person agrees to one purpose and one recipient. The page that asked is the caller's: broker origin,
nothing ticked.
"""

from datetime import datetime, timedelta
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import InvalidInput
from broker.core.rulebook import Rulebook
from broker.flows.enter_consent import Given, enter_consent
from broker.flows.ports import KeyStore, Work
from broker.wire.keys import Entropy, Signer

__all__ = ["Given", "give_consent"]


def give_consent(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    receipt_signer: Signer,
    issuer: str,
    traveller: UUID,
    purpose: str,
    zone: str | None,
    language: str,
    at: datetime,
    entropy: Entropy,
    categories: frozenset[str] | None = None,
    until: datetime | None = None,
) -> Given:
    """Enter a consent to all of the purpose's categories, or to `categories`, until `until` or the purpose's limit.

    Agreeing again to what stands returns the standing record and its receipt. Raises InvalidInput, UnknownTraveller.
    """
    # (1) what is being agreed to, and the very text that was shown
    wanted, recipient = rulebook.resolve(purpose, zone)
    notice = rulebook.notice(purpose, zone, language)
    granted = wanted.categories if categories is None else categories
    if not granted or not granted <= wanted.categories:
        raise InvalidInput("unknown_category", f"{purpose} is about {', '.join(sorted(wanted.categories))}")
    latest = at + timedelta(days=wanted.max_days)
    ends = latest if until is None else until
    if not at < ends <= latest:
        raise InvalidInput("bad_until", f"{purpose} can be agreed to for at most {wanted.max_days} days")

    # (2) one person's changes one after another; agreeing twice is agreeing once
    work.travellers.lock(traveller)
    standing = work.consents.standing(traveller, purpose, recipient.recipient_id)
    if standing is not None:
        if standing.valid_until <= at:
            work.consents.settle(standing.consent_id, ConsentStatus.EXPIRED, at)
        elif standing.status is ConsentStatus.ACTIVE and granted <= standing.categories:
            return Given(standing, work.consents.receipt(standing.consent_id), new=False)
        else:
            # Widening in place would leave live passes resting on a record that no withdrawal reaches any more.
            raise InvalidInput("consent_stands", "a narrower or paused consent stands: withdraw it first")

    # (3) the record
    consent_id = UUID(bytes=entropy(16), version=4)
    record = ConsentRecord(
        consent_id=consent_id,
        traveller=traveller,
        purpose=wanted.purpose_id,
        recipient=recipient.recipient_id,
        controller=recipient.controller.controller_id,
        categories=granted,
        legal_basis=wanted.legal_basis,
        exporter_kind=wanted.exporter_kind,
        notice=notice.reference(),
        given_at=at,
        valid_from=at,
        valid_until=ends,
        jurisdiction=recipient.jurisdiction,
        series=consent_id,
    )
    return enter_consent(
        work,
        record,
        notice,
        superseded=None,
        keys=keys,
        receipt_signer=receipt_signer,
        issuer=issuer,
        at=at,
        entropy=entropy,
    )
