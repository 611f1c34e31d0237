"""A partner gives a grant back: its tokens end, and so do the consents that nothing else of that partner rests on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.ending import Ending, GrantsOf
from broker.flows.consent_changes import current_version, drop_codes
from broker.flows.end_logins import end_grants
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class Ended:
    """The consents that ended with the grant."""

    consents: tuple[UUID, ...]


def end_grant(
    work: Work, *, keys: KeyStore, grant_id: UUID, client_id: str, at: datetime, entropy: Entropy
) -> Ended | None:
    """End a live grant of that client; None when there is none (any more). A consent that another live grant rests on
    stays: that grant was not given back. Raises UnknownTraveller.
    """
    # (1) the grant, looked at again under the person's lock
    grant = work.logins.grant(grant_id)
    if grant is None or grant.client_id != client_id:
        return None
    work.travellers.lock(grant.traveller_id)
    grant = work.logins.grant(grant_id)
    if grant is None or grant.revoked_at is not None or grant.expires_at <= at:
        return None
    # (2) the consents, then the tokens
    over = [record for record in _resting(work, grant) if not _shared(work, grant, record, at)]
    for record in over:
        work.consents.settle(record.consent_id, ConsentStatus.WITHDRAWN, at)
        drop_codes(work, grant.traveller_id, record.consent_id)
    told = {"consents": [str(record.consent_id) for record in over]}
    end_grants(work, GrantsOf(grants=[grant_id]), Ending.RETURNED, at=at, entropy=entropy, more=told)
    # (3) the journal
    entry = Entry(
        kind="partner:grant:revoked",
        clear={"recipients": sorted({release.recipient for release in grant.releases})},
        personal={"grant": str(grant_id), **told},
        traveller=grant.traveller_id,
        traveller_key=keys.key(grant.traveller_id),
    )
    work.journal.append(entry, at=at, entropy=entropy)
    return Ended(tuple(record.consent_id for record in over))


def _resting(work: Work, grant: Grant) -> list[ConsentRecord]:
    """The consents the grant rests on, in the versions that stand, locked in ascending order."""
    found: dict[UUID, ConsentRecord] = {}
    for consent_id in sorted(grant.consents):
        record = current_version(work, grant.traveller_id, consent_id)
        if record is not None and record.status in (ConsentStatus.ACTIVE, ConsentStatus.PAUSED):
            found[record.consent_id] = record
    return list(found.values())


def _shared(work: Work, grant: Grant, record: ConsentRecord, at: datetime) -> bool:
    versions = work.consents.versions(record.consent_id)
    resting = work.logins.grants_resting_on(grant.traveller_id, versions, at)
    return any(other.grant_id != grant.grant_id for other in resting)
