"""A consent that was given on a page enters the ledger: artefact, journal, signed receipt, in this order."""

from dataclasses import dataclass, replace
from datetime import datetime

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.consent_artefact import artefact, artefact_digest
from broker.core.purpose import Notice
from broker.core.receipt import receipt_claims, sign_receipt
from broker.core.traveller import receipt_subject
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Given:
    """The record that stands, its signed receipt, and whether this call made it."""

    record: ConsentRecord
    receipt: str
    new: bool


def enter_consent(
    work: Work,
    record: ConsentRecord,
    notice: Notice,
    *,
    superseded: ConsentRecord | None,
    keys: KeyStore,
    receipt_signer: Signer,
    issuer: str,
    at: datetime,
    entropy: Entropy,
) -> Given:
    """Enter `record`, given under `notice`, in place of `superseded`. The traveller is locked by the caller."""
    key = keys.key(record.traveller)
    content = artefact(
        record,
        notice,
        issuer=issuer,
        principal=receipt_subject(key),
        superseded=None if superseded is None else superseded.digest,
    )
    entered = replace(record, digest=artefact_digest(content))
    # The receipt names its journal entry, so the entry comes first.
    leaf = work.journal.append(_entry(entered, key), at=at, entropy=entropy)
    receipt = sign_receipt(receipt_claims(entered, content, issuer=issuer, journal_leaf=leaf), receipt_signer)
    if superseded is not None:
        work.consents.settle(superseded.consent_id, ConsentStatus.SUPERSEDED, at)
    work.consents.add(entered, receipt)
    # "Three a day" holds across versions; a single use that is agreed to anew is another one.
    if superseded is not None and record.frequency is not None and record.frequency.per is not None:
        work.consents.carry_uses_over(superseded.consent_id, record.consent_id)
    return Given(entered, receipt, new=True)


def _entry(record: ConsentRecord, key: bytes) -> Entry:
    return Entry(
        kind="traveller:consent:granted",
        clear={"purpose": record.purpose, "recipient": record.recipient, "version": record.version},
        personal={
            "consent": str(record.consent_id),
            "categories": sorted(record.categories),
            "until": record.valid_until.isoformat(),
            "notice": record.notice.digest.hex(),
            "record": None if record.digest is None else record.digest.hex(),
        },
        traveller=record.traveller,
        traveller_key=key,
    )
