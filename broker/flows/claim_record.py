"""What stays of a release of claims: the signed grant that the partner gets, and the journal's entry."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from uuid import UUID

from broker.core.claim_item import JSON
from broker.core.client import Client
from broker.core.comparison import MATCHING
from broker.core.consent_grant import ConsentGrant, ReleaseStatement
from broker.core.denial import Denied
from broker.core.departure import Departure
from broker.core.predicates import PREDICATES
from broker.flows.claim_cover import Asked, Covered
from broker.flows.issue_consent_grant import Granting, issue_consent_grant
from broker.flows.opening import open_vouched
from broker.flows.ports import Entry, Work
from broker.wire.identity_grant import Vouched
from broker.wire.keys import Entropy

RELEASED = "partner:claims:released"
REFUSED = "partner:claims:refused"

_ANSWERS = PREDICATES | MATCHING
"""What tells a yes or no."""


def told_of(covered: Sequence[Covered]) -> set[str]:
    """The claims that are told, by their own names."""
    return {item.claim for one in covered for item in one.asked.items.values()}


def vouched_of(
    work: Work, sealed: bytes | None, traveller: UUID, key: bytes, passed: Sequence[tuple[Covered, Departure]]
) -> Vouched | None:
    """Who vouched for the values; not for answers alone, because it names the authority."""
    if sealed is None or told_of([one for one, _ in passed]) <= _ANSWERS:
        return None
    return open_vouched(work, sealed, traveller=traveller, key=key).leave(passed[0][1])


def grant_of(
    one: Covered, granting: Granting | None, vouched: Vouched | None, key: bytes, *, at: datetime, entropy: Entropy
) -> ConsentGrant | None:
    """The consent grant of one release (specs/consent-grant.md); none for answers alone."""
    told = told_of([one])
    if granting is None or vouched is None or told <= _ANSWERS:
        return None
    release = one.asked.release
    statement = ReleaseStatement(release.purpose, release.recipient, frozenset(told), (one.record.consent_id,))
    return issue_consent_grant(
        granting,
        vouched,
        key=key,
        release=statement,
        verification=verification_of(vouched, told),
        at=at,
        entropy=entropy,
    )


def verification_of(vouched: Vouched | None, told: Set[str]) -> Mapping[str, JSON] | None:
    """How the values were verified (OpenID Connect for Identity Assurance); the kind of document only where that was
    agreed to.
    """
    found = vouched.verification_object() if vouched is not None else None
    if found is not None and "document_type" not in told:
        for evidence in found["evidence"]:
            evidence.pop("document_details", None)
    return found


def released_entry(
    one: Covered,
    departure: Departure,
    client: Client,
    key: bytes,
    kind: str,
    grant: ConsentGrant | None,
    at: datetime,
) -> Entry:
    """Names of claims in the clear, values nowhere. An argument may say something about the person, so it is sealed."""
    release, items = one.asked.release, one.asked.items
    return Entry(
        kind=kind,
        clear={
            "purpose": release.purpose,
            "recipient": release.recipient,
            "claims": sorted({item.claim for item in items.values()}),
        },
        personal={
            "consent": str(one.record.consent_id),
            "client": client.client_id,
            "asked": sorted(items),
            "arguments": {name: item.argument for name, item in sorted(items.items()) if item.argument},
            "at": at.isoformat(),
            **({"consent_grant": grant.sha256.hex()} if grant is not None else {}),
        },
        traveller=one.record.traveller,
        traveller_key=key,
        departure=departure,
    )


def refused_entry(
    traveller: UUID, key: bytes, asked: Asked, denied: Denied, *, at: datetime, departure: Departure | None = None
) -> Entry:
    clear = {"purpose": asked.release.purpose, "recipient": asked.release.recipient, "reason": str(denied.reason)}
    personal = {"asked": sorted(asked.items), "at": at.isoformat()}
    return Entry(REFUSED, clear, personal, traveller, key, departure)
