"""An answer about a person that belongs to one document: signed by the broker, encrypted to the agency, worthless with
any other document.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from broker.core.answer import seal_answer
from broker.core.client import Client
from broker.core.denial import Denied, Refusal
from broker.core.identity_release import IdentityRelease
from broker.core.partner_keys import encryption_key
from broker.core.rulebook import Rulebook
from broker.flows.issue_consent_grant import Granting
from broker.flows.ports import KeyStore, Work
from broker.flows.release_claims import release_claims
from broker.wire.keys import Entropy, Signer

KIND: Final = "partner:answer:bound"


@dataclass(frozen=True, slots=True)
class BoundDocument:
    """The document as the agency names it: its SHA-256 in hexadecimal, its number, or both."""

    sha256: str | None
    number: str | None = field(repr=False)

    def members(self) -> dict[str, str]:
        named = {"sha-256": self.sha256, "number": self.number}
        return {name: value for name, value in named.items() if value is not None}


def answer_document(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    signer: Signer,
    granting: Granting,
    issuer: str,
    traveller: UUID,
    subject: str,
    client: Client,
    releases: Sequence[IdentityRelease],
    document: BoundDocument,
    wanted: frozenset[str],
    at: datetime,
    entropy: Entropy,
) -> str | Denied:
    """The sealed answer (core.answer). Denied (no_encryption_key) before anything is opened when the partner has no
    key. Raises InvalidInput, UnknownTraveller.
    """
    # (1) somewhere to encrypt to
    partner = work.partners.find(client.partner_id or "")
    if partner is None or not partner.active:
        return Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
    if partner.jwks is None or encryption_key(partner.jwks) is None:
        return Denied(Refusal.NO_ENCRYPTION_KEY, "the partner has no key to encrypt to")
    # (2) the values, under consent and journalled
    released = release_claims(
        work,
        keys=keys,
        rulebook=rulebook,
        traveller=traveller,
        client=client,
        releases=releases,
        wanted=wanted,
        at=at,
        entropy=entropy,
        kind=KIND,
        granting=granting,
    )
    if isinstance(released, Denied):
        return released
    # (3) bound, signed, encrypted
    body: dict[str, Any] = {
        "document": document.members(),
        "claims": dict(released.values),
        "consents": [str(consent) for consent in released.consents],
        "journal": [leaf.hex() for leaf in released.journal_leaves],
    }
    if released.consent_grants:
        body["consent_grants"] = list(released.consent_grants)
    if released.verification is not None:
        body["verification"] = dict(released.verification)
    return seal_answer(
        body,
        answer_id=str(UUID(bytes=entropy(16), version=4)),
        issuer=issuer,
        partner_id=partner.partner_id,
        subject=subject,
        key_set=partner.jwks,
        signer=signer,
        departures=released.departures,
        at=at,
    )
