"""A person agrees to one purpose and one recipient. The page that asked is the caller's: broker origin,
nothing ticked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import InvalidInput
from broker.core.receipt import receipt_claims, sign_receipt
from broker.core.rulebook import Rulebook
from broker.core.traveller import receipt_subject
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Given:
    """The record that stands, its signed receipt, and whether this call made it."""

    record: ConsentRecord
    receipt: str
    new: bool


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
    record = ConsentRecord(
        consent_id=UUID(bytes=entropy(16), version=4),
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
    )

    # (4) journal first: the receipt names the entry
    key = keys.key(traveller)
    leaf = work.journal.append(_entry(record, key), at=at, entropy=entropy)
    claims = receipt_claims(record, notice, issuer=issuer, principal=receipt_subject(key), journal_leaf=leaf)
    receipt = sign_receipt(claims, receipt_signer)
    work.consents.add(record, receipt)
    return Given(record, receipt, new=True)


def _entry(record: ConsentRecord, key: bytes) -> Entry:
    return Entry(
        kind="traveller:consent:granted",
        clear={"purpose": record.purpose, "recipient": record.recipient},
        personal={
            "consent": str(record.consent_id),
            "categories": sorted(record.categories),
            "until": record.valid_until.isoformat(),
            "notice": record.notice.digest.hex(),
        },
        traveller=record.traveller,
        traveller_key=key,
    )
