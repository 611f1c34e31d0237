"""A release that rests on what a provider said gets its signed consent grant (specs/consent-grant.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from broker.core.consent_grant import ConsentGrant, ReleaseStatement, grant_claims, sign_grant
from broker.core.traveller import recipient_subject
from broker.wire.identity_grant import Vouched
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Granting:
    """What consent grants are made with: the receipt key, and who we are."""

    signer: Signer
    issuer: str


def issue_consent_grant(
    granting: Granting,
    vouched: Vouched,
    *,
    key: bytes,
    release: ReleaseStatement,
    verification: Mapping[str, Any] | None,
    at: datetime,
    entropy: Entropy,
) -> ConsentGrant:
    """The grant for one release, within its transaction; whoever releases journals `sha256` as `consent_grant` among
    the personal fields and hands `jws` to the recipient. `vouched`: from `flows.opening`. `verification`: as far as the
    recipient is told it. `key`: the traveller's, from which the pseudonym of their receipts comes.
    """
    grant_id = UUID(bytes=entropy(16), version=4)
    claims = grant_claims(
        vouched,
        release,
        issuer=granting.issuer,
        subject=recipient_subject(key, release.recipient),
        grant_id=grant_id,
        verification=verification,
        at=at,
    )
    return sign_grant(claims, granting.signer)
