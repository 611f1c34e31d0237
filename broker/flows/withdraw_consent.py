"""A person takes a consent back. The very next release fails; passes and grants that rest on it are revoked with it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import Denied, Refusal
from broker.core.purpose import FACE_ENROLMENT
from broker.core.travel import offline_effect
from broker.core.zone import BROKER
from broker.flows.consent_changes import current_version, drop_codes, end_grants
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.revocation import revoke_all
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """`offline_effect`: the latest moment a gate that is cut off may still accept a pass that was revoked;
    None if none.
    """

    record: ConsentRecord
    revoked_passes: int
    offline_effect: datetime | None


def withdraw_consent(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    traveller: UUID,
    consent_id: UUID,
    at: datetime,
    entropy: Entropy,
) -> Withdrawn | Denied:
    """Withdraw for good. Withdrawing again changes nothing; a consent that is not this traveller's is denied.

    Withdrawing the enrolment deletes the template and whatever portrait is left. Raises UnknownTraveller.
    """
    # (1) the record, locked: a release that already holds it finishes first, every later one sees the withdrawal; and
    # before it the codes that were issued on it
    work.travellers.lock(traveller)
    drop_codes(work, traveller, consent_id)
    record = current_version(work, traveller, consent_id)
    if record is None:
        return Denied(Refusal.CONSENT_UNKNOWN, "not a consent of this traveller")
    if record.status not in (ConsentStatus.ACTIVE, ConsentStatus.PAUSED):
        return Withdrawn(record, revoked_passes=0, offline_effect=None)
    work.consents.settle(record.consent_id, ConsentStatus.WITHDRAWN, at)

    # (2) the passes that rest on it
    passes = work.passes.live(traveller, at=at, resting_on=record.consent_id)
    revoked = revoke_all(work, passes, status_signer=status_signer, at=at)

    # (3) the face, when it was the enrolment
    if record.purpose == FACE_ENROLMENT:
        work.templates.discard(traveller)
        work.travellers.discard_portrait(traveller)

    # (4) the tokens of whoever received under it, and word to them
    end_grants(work, record, "consent.withdrawn", at=at, entropy=entropy)

    # (5) the journal
    entry = Entry(
        kind="traveller:consent:withdrawn",
        clear={"purpose": record.purpose, "recipient": record.recipient, "revoked_passes": revoked},
        personal={"consent": str(record.consent_id)},
        traveller=traveller,
        traveller_key=keys.key(traveller),
    )
    work.journal.append(entry, at=at, entropy=entropy)
    withdrawn = replace(record, status=ConsentStatus.WITHDRAWN, settled_at=at)
    return Withdrawn(withdrawn, revoked, offline_effect(passes, at=at))


def forget_face(
    work: Work, *, keys: KeyStore, status_signer: Signer, traveller: UUID, at: datetime, entropy: Entropy
) -> Withdrawn | Denied:
    """Withdraw the enrolment, whichever record it is. Denied (consent_unknown) when none stands."""
    work.travellers.lock(traveller)
    standing = work.consents.standing(traveller, FACE_ENROLMENT, BROKER)
    if standing is None:
        return Denied(Refusal.CONSENT_UNKNOWN, "no enrolment stands")
    return withdraw_consent(
        work,
        keys=keys,
        status_signer=status_signer,
        traveller=traveller,
        consent_id=standing.consent_id,
        at=at,
        entropy=entropy,
    )
