"""What a person's standing consents make of the releases a client asks for: nobody is asked the same twice."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from broker.core.client import Client
from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.consent_artefact import canonical
from broker.core.identity_release import IdentityRelease, detail_of
from broker.core.partner_purpose import limit_of
from broker.core.purpose import Recipient
from broker.flows.ports import Work


@dataclass(frozen=True, slots=True)
class Cover:
    """`releases` are narrowed to the claims that are covered, `consents` cover them in the same order; `outstanding`
    are still to be asked, `refused` were answered no in this request.
    """

    releases: tuple[IdentityRelease, ...] = ()
    consents: tuple[UUID, ...] = ()
    outstanding: tuple[IdentityRelease, ...] = ()
    refused: tuple[IdentityRelease, ...] = ()


def release_digest(release: IdentityRelease) -> bytes:
    """SHA-256 of what is asked: what an answer on a page belongs to."""
    return hashlib.sha256(canonical(detail_of(release))).digest()


def outstanding(
    work: Work,
    *,
    traveller: UUID,
    client: Client,
    releases: Sequence[IdentityRelease],
    at: datetime,
    anew: bool = False,
) -> tuple[IdentityRelease, ...]:
    """The releases without a standing covering consent; with `anew` (prompt=consent) all of them."""
    recipient = _recipient(work, client)
    return tuple(
        release
        for release in releases
        if anew or _to_ask(work, _standing(work, traveller, recipient, release), release, at)
    )


def settle(
    work: Work,
    *,
    handle_hash: bytes,
    traveller: UUID,
    client: Client,
    releases: Sequence[IdentityRelease],
    at: datetime,
    anew: bool = False,
) -> Cover:
    """The outcome for the waiting request of that handle. Answers of another person do not count."""
    recipient = _recipient(work, client)
    answers = work.answers.of(handle_hash, traveller)
    covered: list[IdentityRelease] = []
    consents: list[UUID] = []
    waiting: list[IdentityRelease] = []
    refused: list[IdentityRelease] = []
    for release in releases:
        digest = release_digest(release)
        record = _standing(work, traveller, recipient, release)
        if digest not in answers and (anew or record is None or _to_ask(work, record, release, at)):
            waiting.append(release)
        elif record is None or (anew and answers[digest] is None) or not _serves(work, record, release, at):
            # Refused; or agreed to on the page and taken back elsewhere before it ended. A no to optional claims alone
            # leaves what stood before, unless everything was asked anew.
            refused.append(release)
        else:
            covered.append(narrowed(release, record))
            consents.append(record.consent_id)
    return Cover(tuple(covered), tuple(consents), tuple(waiting), tuple(refused))


def narrowed(release: IdentityRelease, record: ConsentRecord) -> IdentityRelease:
    """The release with the claims that `record` grants, and no others."""
    claims = release.claims & record.categories
    return replace(release, claims=claims, optional=release.optional & claims)


def _to_ask(work: Work, record: ConsentRecord | None, release: IdentityRelease, at: datetime) -> bool:
    """Whether something of the release is neither granted nor declined by the record that stands."""
    if record is None or not _serves(work, record, release, at):
        return True
    return bool(release.optional - record.categories - work.consents.declined(record.consent_id))


def _serves(work: Work, record: ConsentRecord, release: IdentityRelease, at: datetime) -> bool:
    """Whether the record grants all that the client cannot do without, and something, and can be used for it."""
    needed = release.claims - release.optional
    return (
        needed <= record.categories and bool(release.claims & record.categories) and _usable(work, record, release, at)
    )


def _usable(work: Work, record: ConsentRecord, release: IdentityRelease, at: datetime) -> bool:
    """Whether the record can still serve such a release, its claims apart. One that is merely used up for now can."""
    if record.status is not ConsentStatus.ACTIVE or not record.valid_from <= at < record.valid_until:
        return False
    if record.retention is None or release.retention > record.retention or record.frequency is None:
        return False
    if not limit_of(release).within(record.frequency):
        return False
    return record.frequency.per is not None or work.consents.used(record.consent_id) < record.frequency.times


def _standing(
    work: Work, traveller: UUID, recipient: Recipient | None, release: IdentityRelease
) -> ConsentRecord | None:
    """The record for the release's purpose and this very recipient under its present controller."""
    if recipient is None or release.recipient != recipient.recipient_id:
        return None
    record = work.consents.standing(traveller, release.purpose, release.recipient)
    if record is None or record.controller != recipient.controller.controller_id:
        return None
    return record


def _recipient(work: Work, client: Client) -> Recipient | None:
    return None if client.partner_id is None else work.partners.recipient(client.partner_id)
