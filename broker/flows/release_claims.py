"""A partner reads what a person agreed to, and nothing else. This is the only way claims leave the broker.

Claims are opened here under consents that are locked, counted and covering, and the release is journalled in the same
transaction: what left without an entry cannot be, and what has an entry had its consent.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.claim_categories import categories_of
from broker.core.client import Client
from broker.core.consent import ConsentRecord, Gap, Use, gap
from broker.core.consent_grant import ConsentGrant, ReleaseStatement
from broker.core.denial import Denied, Refusal, UnknownTraveller
from broker.core.departure import Departure
from broker.core.disclosure import JSON, Item, disclose, itemise
from broker.core.identity_release import IdentityRelease, ReleasedClaims, base_claim
from broker.core.predicates import PREDICATES
from broker.core.purpose import Recipient
from broker.core.rulebook import Rulebook
from broker.core.sealing import unseal
from broker.core.transfer import Outgoing, Subject
from broker.core.traveller import CLAIMS
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.issue_consent_grant import Granting, issue_consent_grant, opened_vouched
from broker.flows.ports import Entry, KeyStore, OnClaim, Work
from broker.wire.identity_grant import VerifiedClaims, Vouched
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason

RELEASED = "partner:claims:released"
REFUSED = "partner:claims:refused"

_REFUSALS: Mapping[Gap, Refusal] = {
    Gap.PAUSED: Refusal.CONSENT_PAUSED,
    Gap.OVER_FREQUENCY: Refusal.OVER_FREQUENCY,
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One release of the grant, and what of it is wanted now."""

    release: IdentityRelease
    items: Mapping[str, Item]
    use: Use


@dataclass(frozen=True, slots=True)
class _Covered:
    """What is wanted and the locked record that covers it."""

    asked: _Asked
    record: ConsentRecord


def release_claims(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    client: Client,
    releases: Sequence[IdentityRelease],
    wanted: frozenset[str] | None,
    at: datetime,
    entropy: Entropy,
    arguments: Mapping[str, JSON] | None = None,
    kind: str = RELEASED,
    granting: Granting | None = None,
) -> ReleasedClaims | Denied:
    """Release `wanted` (None: everything the releases name) of a grant's releases to the partner behind `client`.

    A release without a covering consent yields nothing; when none is covered the answer is Denied, journalled.
    `arguments` are those of predicates, by claim name; `kind` is the journal's word for the release. Raises
    UnknownTraveller, InvalidInput.
    """
    # (1) who asks: an active client of an active partner, for itself; the consents to it are locked and counted by now:
    # a withdrawal that committed first has won
    partner_id = client.partner_id if client.active else None
    if partner_id is None:
        return Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
    desk = work.claiming.open(traveller, partner_id, _purposes(releases, partner_id), at)
    recipient = desk.recipient
    if recipient is None:
        return Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
    # (2) what is asked of each release: only what it names, beneath the client's ceilings as they are now
    asked = _asked(rulebook, traveller, client, recipient, releases, wanted, arguments)
    if not asked:
        return Denied(Refusal.CONSENT_MISSING, "nothing that was asked for is in the grant")
    # (3) what each of them rests on
    covered, lacking = _covering(desk, asked, at=at)
    key = _key(keys, traveller)
    if not covered:
        denied = _denied(lacking)
        _journal_refusal(work, traveller, key, asked[0], denied, at=at, entropy=entropy)
        return denied
    # (4) what the authority said, opened now and not before
    if desk.claims is None or desk.origin is None:
        raise UnknownTraveller(str(traveller))
    claims = VerifiedClaims.model_validate_json(unseal(desk.claims, key=key, context=CLAIMS))
    # (5) what the law of the place where the data reside says of each; a held one yields nothing
    subject = subject_of(desk.origin, claims, at=at)
    covered, departures = _decided(work, keys, rulebook, traveller, recipient, covered, subject, at=at)
    if not covered:
        denied = Denied(departures[-1].refusal or Reason.TRANSFER_DENIED, "not under the law the data reside under")
        _journal_refusal(work, traveller, key, asked[0], denied, at=at, entropy=entropy, departure=departures[-1])
        return denied
    values: dict[str, JSON] = {}
    for one in covered:
        values |= disclose(claims, one.asked.items, covered=one.record.categories, at=at)
    # (6) each use counts, and each is journalled: in this transaction, or nothing leaves
    vouched = _vouched(desk.vouched, key, covered)
    grants = [_grant(one, granting, vouched, key, at=at, entropy=entropy) for one in covered]
    entries = [
        _entry(one, departure, client, key, kind, grant, at)
        for one, departure, grant in zip(covered, departures, grants, strict=True)
    ]
    consents = tuple(one.record.consent_id for one in covered)
    leaves = work.claiming.enter(consents, entries, at=at, entropy=entropy)
    told = {item.claim for one in covered for item in one.asked.items.values()}
    return ReleasedClaims(
        values,
        consents,
        tuple(leaves),
        _verification(vouched, told),
        tuple(grant.jws for grant in grants if grant is not None),
    )


def _vouched(sealed: bytes | None, key: bytes, covered: Sequence[_Covered]) -> Vouched | None:
    """Who vouched for the values; not for answers to predicates alone, because it names the authority."""
    told = {item.claim for one in covered for item in one.asked.items.values()}
    return None if sealed is None or told <= PREDICATES else opened_vouched(sealed, key=key)


def _grant(
    one: _Covered, granting: Granting | None, vouched: Vouched | None, key: bytes, *, at: datetime, entropy: Entropy
) -> ConsentGrant | None:
    told = {item.claim for item in one.asked.items.values()}
    if granting is None or vouched is None or told <= PREDICATES:
        return None
    release = one.asked.release
    statement = ReleaseStatement(release.purpose, release.recipient, frozenset(told), (one.record.consent_id,))
    return issue_consent_grant(
        granting, vouched, key=key, release=statement, verification=_verification(vouched, told), at=at, entropy=entropy
    )


def _verification(vouched: Vouched | None, told: Set[str]) -> Mapping[str, JSON] | None:
    """How the values were verified (OpenID Connect for Identity Assurance); the kind of document only where that was
    agreed to.
    """
    found = vouched.verification_object() if vouched is not None else None
    if found is not None and "document_type" not in told:
        for evidence in found["evidence"]:
            evidence.pop("document_details", None)
    return found


def _purposes(releases: Sequence[IdentityRelease], partner_id: str) -> list[str]:
    return sorted({release.purpose for release in releases if release.recipient == partner_id})


def _asked(
    rulebook: Rulebook,
    traveller: UUID,
    client: Client,
    recipient: Recipient,
    releases: Sequence[IdentityRelease],
    wanted: frozenset[str] | None,
    arguments: Mapping[str, JSON] | None,
) -> list[_Asked]:
    """The releases to this very recipient, for a purpose that exists, of which something is wanted."""
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
            found.append(_Asked(release, items, use))
    return found


def _covering(desk: OnClaim, asked: Sequence[_Asked], *, at: datetime) -> tuple[list[_Covered], list[Gap | None]]:
    """Whatever is covered, and for the rest the first gap (None: no record stands)."""
    by_purpose = {record.purpose: (record, used) for record, used in desk.consents}
    covered: list[_Covered] = []
    lacking: list[Gap | None] = []
    for one in asked:
        record, used = by_purpose.get(one.use.purpose, (None, 0))
        missing = None if record is None else gap(record, one.use, at=at, used=used)
        if record is None or missing is not None:
            lacking.append(missing)
        else:
            covered.append(_Covered(one, record))
    return covered, lacking


def _decided(
    work: Work,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    recipient: Recipient,
    covered: Sequence[_Covered],
    subject: Subject,
    *,
    at: datetime,
) -> tuple[list[_Covered], list[Departure]]:
    """What may go, each with its decision; where nothing may, no release and the decisions against."""
    passed: list[_Covered] = []
    permits: list[Departure] = []
    against: list[Departure] = []
    for one in covered:
        outgoing = Outgoing(
            recipient.recipient_id,
            recipient.jurisdiction or subject.origin,
            categories_of(item.claim for item in one.asked.items.values()),
            rulebook.partner.purpose(one.asked.release.purpose).terms,
        )
        departure = decide_transfer(
            work, keys=keys, rules=rulebook.transfers, traveller=traveller, subject=subject, outgoing=outgoing, at=at
        )
        if departure.refusal is None:
            passed.append(one)
            permits.append(departure)
        else:
            against.append(departure)
    return passed, permits or against


def _denied(lacking: Sequence[Gap | None]) -> Denied:
    """The refusal that tells most: a pause or a frequency before a consent that is simply not there."""
    for missing, refusal in _REFUSALS.items():
        if missing in lacking:
            return Denied(refusal, missing.value)
    return Denied(Refusal.CONSENT_MISSING, lacking[0].value if lacking and lacking[0] else "no consent stands")


def _entry(
    one: _Covered,
    departure: Departure,
    client: Client,
    key: bytes,
    kind: str,
    grant: ConsentGrant | None,
    at: datetime,
) -> Entry:
    release = one.asked.release
    return Entry(
        kind=kind,
        # Names of claims in the clear, values nowhere. An argument may say something about the person, so it is sealed.
        clear={
            "purpose": release.purpose,
            "recipient": release.recipient,
            "claims": sorted({item.claim for item in one.asked.items.values()}),
            **departure.entry(),
        },
        personal={
            "consent": str(one.record.consent_id),
            "client": client.client_id,
            "asked": sorted(one.asked.items),
            "arguments": {name: item.argument for name, item in sorted(one.asked.items.items()) if item.argument},
            "at": at.isoformat(),
            **({"consent_grant": grant.sha256.hex()} if grant is not None else {}),
        },
        traveller=one.record.traveller,
        traveller_key=key,
    )


def _journal_refusal(
    work: Work,
    traveller: UUID,
    key: bytes,
    asked: _Asked,
    denied: Denied,
    *,
    at: datetime,
    entropy: Entropy,
    departure: Departure | None = None,
) -> None:
    clear = {"purpose": asked.release.purpose, "recipient": asked.release.recipient, "reason": str(denied.reason)}
    clear |= departure.entry() if departure is not None else {}
    personal = {"asked": sorted(asked.items), "at": at.isoformat()}
    work.journal.append(Entry(REFUSED, clear, personal, traveller, key), at=at, entropy=entropy)


def _key(keys: KeyStore, traveller: UUID) -> bytes:
    try:
        return keys.key(traveller)
    except LookupError:
        raise UnknownTraveller(str(traveller)) from None
