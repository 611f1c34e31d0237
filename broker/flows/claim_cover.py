"""What of a partner's question the person's standing consents cover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.claim_item import JSON, Item, itemise
from broker.core.client import Client
from broker.core.consent import ConsentRecord, Gap, Use, gap
from broker.core.denial import Denied, Refusal
from broker.core.identity_release import IdentityRelease, base_claim
from broker.core.purpose import Recipient
from broker.core.rulebook import Rulebook
from broker.flows.ports import OnClaim

_REFUSALS: Mapping[Gap, Refusal] = {
    Gap.PAUSED: Refusal.CONSENT_PAUSED,
    Gap.OVER_FREQUENCY: Refusal.OVER_FREQUENCY,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One release of the grant, and what of it is wanted now."""

    release: IdentityRelease
    items: Mapping[str, Item]
    use: Use


@dataclass(frozen=True, slots=True)
class Covered:
    """What is wanted and the locked record that covers it."""

    asked: Asked
    record: ConsentRecord


def purposes_of(releases: Sequence[IdentityRelease], client: Client) -> list[str]:
    """The purposes, known and open to the client, for which something may be released to its partner."""
    own = {release.purpose for release in releases if release.recipient == client.partner_id}
    return sorted(own & client.purposes)


def asked_of(
    rulebook: Rulebook,
    traveller: UUID,
    client: Client,
    recipient: Recipient,
    releases: Sequence[IdentityRelease],
    wanted: frozenset[str] | None,
    arguments: Mapping[str, JSON] | None,
) -> list[Asked]:
    """The releases to this very recipient, for a purpose that exists, of which something is wanted: only what a release
    names, beneath the client's ceilings as they are now. Raises InvalidInput.
    """
    found = []
    for release in releases:
        if release.recipient != recipient.recipient_id or release.purpose not in client.purposes:
            continue
        ceiling = client.claims & rulebook.partner.purpose(release.purpose).claims
        items = itemise(wanted, frozenset(name for name in release.claims if base_claim(name) in ceiling), arguments)
        if items:
            categories = frozenset[str]().union(*(item.rests_on for item in items.values()))
            use = Use(
                traveller,
                release.purpose,
                recipient.recipient_id,
                recipient.controller.controller_id,
                categories,
                release.retention,
            )
            found.append(Asked(release, items, use))
    return found


def covered_of(desk: OnClaim, asked: Sequence[Asked], *, at: datetime) -> tuple[list[Covered], list[Gap | None]]:
    """Whatever is covered, and for the rest the first gap (None: no record stands)."""
    by_purpose = {record.purpose: (record, used) for record, used in desk.consents}
    covered: list[Covered] = []
    lacking: list[Gap | None] = []
    for one in asked:
        record, used = by_purpose.get(one.use.purpose, (None, 0))
        missing = None if record is None else gap(record, one.use, at=at, used=used)
        if record is None or missing is not None:
            lacking.append(missing)
        else:
            covered.append(Covered(one, record))
    return covered, lacking


def refusal_for(lacking: Sequence[Gap | None]) -> Denied:
    """The refusal that tells most: a pause or a frequency before a consent that is simply not there."""
    for missing, refusal in _REFUSALS.items():
        if missing in lacking:
            return Denied(refusal, missing.value)
    return Denied(Refusal.CONSENT_MISSING, lacking[0].value if lacking and lacking[0] else "no consent stands")
