"""What every change of a consent shares: which record is meant, and what rests on it elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.ending import Ending, GrantsOf
from broker.flows import end_logins
from broker.flows.ports import Work
from broker.wire.keys import Entropy


def current_version(work: Work, traveller: UUID, consent_id: UUID) -> ConsentRecord | None:
    """The record, locked; of a superseded one the version that stands in its place. None when it is not theirs.

    Whoever takes back an old version means the consent: a list that was read before it was renewed names the old one.
    """
    record = work.consents.lock_for_change(traveller, consent_id)
    if record is None or record.status is not ConsentStatus.SUPERSEDED:
        return record
    newest = work.consents.versions(consent_id)[-1]
    return work.consents.lock_for_change(traveller, newest)


def drop_codes(work: Work, traveller: UUID, consent_id: UUID) -> None:
    """Codes in flight that rest on any version of the consent found no grant any more. The traveller is locked by the
    caller, so that no new one is issued meanwhile (`broker.desk.Desk.settle`).

    Wherever it can be told by then, before the record is locked: whoever redeems a code may come from there to the
    record.
    """
    work.logins.drop_codes_resting_on(traveller, work.consents.versions(consent_id))


def end_grants(work: Work, record: ConsentRecord, event: str, *, at: datetime, entropy: Entropy) -> Sequence[Grant]:
    """Revoke every grant that rests on any version of the consent, and tell the partner, in this work."""
    grants = work.logins.grants_resting_on(record.traveller, work.consents.versions(record.consent_id), at)
    tell(work, record, event, grants, at=at, entropy=entropy)
    if grants:
        whose = GrantsOf(grants=[grant.grant_id for grant in grants])
        end_logins.end_grants(work, whose, Ending.CONSENT, at=at, entropy=entropy)
    return grants


def tell(
    work: Work, record: ConsentRecord, event: str, grants: Sequence[Grant], *, at: datetime, entropy: Entropy
) -> None:
    """Put the notice to the recipient into the outbox. A border zone is no partner and is told by its lists."""
    body: Mapping[str, Any] = {
        "consent": str(record.consent_id),
        "purpose": record.purpose,
        "grants": [str(grant.grant_id) for grant in grants],
    }
    work.partner_events.enqueue(record.recipient, event, body, at=at, entropy=entropy)
