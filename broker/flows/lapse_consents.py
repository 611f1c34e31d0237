"""Consents that ran out: settled as expired, and the face deleted when it was the enrolment's."""

from datetime import datetime

from broker.core.consent import ConsentStatus
from broker.core.denial import UnknownTraveller
from broker.core.purpose import FACE_ENROLMENT
from broker.flows.consent_changes import drop_codes, end_grants
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy

BATCH = 100
"""Records a call settles at most, so that its transaction stays short; call again while it returns this many."""


def lapse_consents(work: Work, *, keys: KeyStore, at: datetime, entropy: Entropy) -> int:
    """Settle records whose time is over; returns how many. Nothing was released on them since: a use checks the time.

    No pass outlives the consents it rests on, so none needs revoking.
    """
    settled = 0
    for due in work.consents.run_out(at, limit=BATCH):
        try:
            work.travellers.lock(due.traveller)
        except UnknownTraveller:
            continue
        drop_codes(work, due.traveller, due.consent_id)
        record = work.consents.lock_for_change(due.traveller, due.consent_id)
        if record is None or record.status not in (ConsentStatus.ACTIVE, ConsentStatus.PAUSED):
            continue
        work.consents.settle(record.consent_id, ConsentStatus.EXPIRED, at)
        end_grants(work, record, "consent.expired", at=at, entropy=entropy)
        if record.purpose == FACE_ENROLMENT:
            work.templates.discard(record.traveller)
            work.travellers.discard_portrait(record.traveller)
        entry = Entry(
            kind="broker:consent:expired",
            clear={"purpose": record.purpose, "recipient": record.recipient},
            personal={"consent": str(record.consent_id)},
            traveller=record.traveller,
            traveller_key=keys.key(record.traveller),
        )
        work.journal.append(entry, at=at, entropy=entropy)
        settled += 1
    return settled
