"""What a person can see about themselves: who the authority says they are, their consents, every use of their data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentRecord
from broker.core.departure import OwnUse
from broker.core.traveller import Traveller
from broker.flows.opening import open_claims
from broker.flows.ports import JournalledUse, KeyStore, Work
from broker.wire.identity_grant import VerifiedClaims

MAX_USES = 200


@dataclass(frozen=True, slots=True)
class Profile:
    """The traveller, the authority's claims, whether a face is enrolled and whether a portrait waits for enrolment."""

    traveller: Traveller
    claims: VerifiedClaims | None
    enrolled_at: datetime | None
    portrait_waiting: bool


def show_profile(work: Work, *, keys: KeyStore, traveller: UUID) -> Profile:
    """Raises UnknownTraveller."""
    known = work.travellers.find(traveller)
    sealed = work.travellers.claims(traveller)
    claims = None
    if sealed is not None:
        kept = open_claims(work, sealed, traveller=traveller, key=keys.key(traveller))
        claims = kept.for_own_use(OwnUse.SHOWN)
    template = work.templates.find(traveller)
    waiting = work.travellers.portrait(traveller) is not None
    return Profile(known, claims, None if template is None else template.enrolled_at, waiting)


def list_consents(work: Work, *, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
    """Every record with its signed receipt, newest first. Raises UnknownTraveller."""
    work.travellers.find(traveller)
    return work.consents.of(traveller)


def list_uses(
    work: Work, *, keys: KeyStore, traveller: UUID, limit: int = MAX_USES, before: datetime | None = None
) -> Sequence[JournalledUse]:
    """What the journal holds about the person, newest first, at most `limit` (and 200) entries older than `before`.

    Raises UnknownTraveller.
    """
    work.travellers.find(traveller)
    key = keys.key(traveller)
    return work.journal.of_traveller(traveller, key=key, limit=max(1, min(limit, MAX_USES)), before=before)
