"""A person pauses a consent, or lets it go on. While it is paused nothing is released and no grant is lost."""

from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import Denied, Refusal
from broker.core.travel import offline_effect
from broker.flows.consent_changes import current_version, tell
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.revocation import revoke_all
from broker.flows.withdraw_consent import Withdrawn
from broker.wire.keys import Entropy, Signer


def pause_consent(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    traveller: UUID,
    consent_id: UUID,
    at: datetime,
    entropy: Entropy,
) -> Withdrawn | Denied:
    """Pause an active consent; pausing a paused one changes nothing. Passes that rest on it are revoked: a gate that is
    cut off could not know of a pause. Denied (consent_unknown) when it is not theirs or is over. Raises
    UnknownTraveller.
    """
    work.travellers.lock(traveller)
    record = current_version(work, traveller, consent_id)
    if record is None or record.status not in (ConsentStatus.ACTIVE, ConsentStatus.PAUSED):
        return Denied(Refusal.CONSENT_UNKNOWN, "no such consent of this traveller stands")
    if record.status is ConsentStatus.PAUSED:
        return Withdrawn(record, revoked_passes=0, offline_effect=None)
    passes = work.passes.live(traveller, at=at, resting_on=record.consent_id)
    revoked = revoke_all(work, passes, status_signer=status_signer, at=at)
    _move(work, record, ConsentStatus.PAUSED, "paused", keys=keys, at=at, entropy=entropy)
    return Withdrawn(_now(work, record), revoked, offline_effect(passes, at=at))


def resume_consent(
    work: Work, *, keys: KeyStore, traveller: UUID, consent_id: UUID, at: datetime, entropy: Entropy
) -> ConsentRecord | Denied:
    """Let a paused consent go on, as it was given and no longer; resuming an active one changes nothing.

    Denied (consent_unknown) when it is not theirs or is over. Raises UnknownTraveller.
    """
    work.travellers.lock(traveller)
    record = current_version(work, traveller, consent_id)
    if record is None or record.status not in (ConsentStatus.ACTIVE, ConsentStatus.PAUSED) or record.valid_until <= at:
        return Denied(Refusal.CONSENT_UNKNOWN, "no such consent of this traveller stands")
    if record.status is ConsentStatus.PAUSED:
        _move(work, record, ConsentStatus.ACTIVE, "resumed", keys=keys, at=at, entropy=entropy)
    return _now(work, record)


def _move(
    work: Work,
    record: ConsentRecord,
    status: ConsentStatus,
    happened: str,
    *,
    keys: KeyStore,
    at: datetime,
    entropy: Entropy,
) -> None:
    work.consents.settle(record.consent_id, status, at)
    grants = work.logins.grants_resting_on(record.traveller, work.consents.versions(record.consent_id), at)
    tell(work, record, f"consent.{happened}", grants, at=at, entropy=entropy)
    entry = Entry(
        kind=f"traveller:consent:{happened}",
        clear={"purpose": record.purpose, "recipient": record.recipient},
        personal={"consent": str(record.consent_id)},
        traveller=record.traveller,
        traveller_key=keys.key(record.traveller),
    )
    work.journal.append(entry, at=at, entropy=entropy)


def _now(work: Work, record: ConsentRecord) -> ConsentRecord:
    """The record as this work left it."""
    return work.consents.standing(record.traveller, record.purpose, record.recipient) or record
