"""The consents a use rests on, locked against a withdrawal for the rest of the work."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentRecord, Gap, Use, gap
from broker.core.denial import Denied, Refusal
from broker.flows.ports import Work
from broker.wire.reasons import Reason


def standing_for(
    work: Work, traveller: UUID, uses: Sequence[Use], *, at: datetime
) -> tuple[ConsentRecord, ...] | Denied:
    """One covering record for each use, locked; denied (consent_missing, naming the purpose) when one is lacking."""
    if not uses:
        raise ValueError("nothing asked is not consented to")
    return covering_among(work.consents.lock_standing(traveller, uses), uses, at=at)


def covering_among(
    records: Sequence[ConsentRecord], uses: Sequence[Use], *, at: datetime
) -> tuple[ConsentRecord, ...] | Denied:
    """The same over records that are locked already."""
    covering = []
    for use in uses:
        record = next((record for record in records if gap(record, use, at=at) is None), None)
        if record is None:
            return Denied(Refusal.CONSENT_MISSING, use.purpose)
        covering.append(record)
    return tuple(covering)


def still_covered(
    records: Sequence[ConsentRecord], consents: Sequence[UUID], uses: Sequence[Use], *, at: datetime
) -> Denied | None:
    """None when the very records named by `consents`, locked by now, cover every use; else why not."""
    if not uses or len(records) != len(set(consents)):
        return Denied(Reason.RELEASE_REFUSED, "a consent is not on record")
    for use in uses:
        gaps = [gap(record, use, at=at) for record in records]
        if None in gaps:
            continue
        if Gap.WITHDRAWN in gaps:
            return Denied(Reason.CONSENT_WITHDRAWN, use.purpose)
        return Denied(Reason.RELEASE_REFUSED, f"no consent covers {use.purpose}")
    return None
