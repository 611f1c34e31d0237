"""A release that rests on what a provider said gets its signed consent grant (specs/consent-grant.md)."""

from datetime import datetime
from uuid import UUID

from broker.core.consent_grant import ConsentGrant, ReleaseStatement, grant_claims, sign_grant
from broker.core.sealing import unseal
from broker.core.traveller import VOUCHED, receipt_subject
from broker.flows.ports import KeyStore, Work
from broker.wire.identity_grant import Vouched
from broker.wire.keys import Entropy, Signer


def vouched_for(work: Work, *, key: bytes, traveller: UUID) -> Vouched | None:
    """The login that vouched for what is kept about a person; None when they last logged in before it was kept."""
    sealed = work.travellers.vouched(traveller)
    return Vouched.model_validate_json(unseal(sealed, key=key, context=VOUCHED)) if sealed is not None else None


def issue_consent_grant(
    work: Work,
    *,
    keys: KeyStore,
    receipt_signer: Signer,
    issuer: str,
    traveller: UUID,
    release: ReleaseStatement,
    at: datetime,
    entropy: Entropy,
    subject: str | None = None,
) -> ConsentGrant | None:
    """The grant for one release, within its transaction; whoever releases journals `sha256` as `consent_grant` among
    the personal fields and hands `jws` to the recipient. `subject`: the recipient's pseudonym for the person; by
    default the one on their receipts. None when no provider's login stands behind the data.
    """
    key = keys.key(traveller)
    vouched = vouched_for(work, key=key, traveller=traveller)
    if vouched is None:
        return None
    claims = grant_claims(
        vouched,
        release,
        issuer=issuer,
        subject=subject or receipt_subject(key),
        grant_id=UUID(bytes=entropy(16), version=4),
        at=at,
    )
    return sign_grant(claims, receipt_signer)
