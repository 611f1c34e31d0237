"""A traveller inside the broker: an internal id that nobody outside ever sees, found by a keyed digest of an upstream
identity.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from broker.core.sealing import derive
from broker.wire.identity_grant import DocumentType


@dataclass(frozen=True, slots=True)
class Traveller:
    """`jurisdiction` is where the person's data resides: that of the authority that vouched for them (CN, HK or MO)."""

    traveller_id: UUID
    provider: str
    jurisdiction: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class VouchedClaims:
    """What an authority said in the latest login that counts: the claims and the login that vouched for them, both
    sealed, and the keyed hash of the document they are about.
    """

    sealed: bytes = field(repr=False)
    vouched: bytes = field(repr=False)
    document: bytes = field(repr=False)
    evidence: bytes = field(repr=False)
    auth_time: datetime
    acr: str


# What sealed values about a person are bound to (core.sealing).
CLAIMS = "tongguan/claims/v1"
PORTRAIT = "tongguan/portrait/v1"
VOUCHED = "tongguan/vouched/v1"


def tokens_context(provider: str) -> str:
    """One provider's tokens never open as another's."""
    return f"tongguan/upstream-tokens/v1/{provider}"


JURISDICTION = {
    DocumentType.PRC_RESIDENT_ID: "CN",
    DocumentType.HKID: "HK",
    DocumentType.MACAU_BIR: "MO",
    DocumentType.MAINLAND_TRAVEL_PERMIT: "CN",
}
"""Where a person's data resides: with the authority that issued the document."""


def identity_digest(secret: bytes, *, issuer: str, subject: str) -> bytes:
    """The 32-byte key an upstream identity is found by. Without `secret` nobody can test whether an identity is known
    here.
    """
    # The length prefix keeps ("ab", "c") apart from ("a", "bc").
    name = issuer.encode()
    message = b"tongguan/identity-link/v1\0" + len(name).to_bytes(4, "big") + name + subject.encode()
    return hmac.digest(secret, message, hashlib.sha256)


def receipt_subject(traveller_key: bytes) -> str:
    """The pseudonym that a person's consent receipts carry. It comes from their key, so after erasure nothing leads
    back.
    """
    return "urn:tongguan:principal:" + derive(traveller_key, info=b"tongguan/receipt-subject/v1", length=16).hex()


def recipient_subject(traveller_key: bytes, recipient: str) -> str:
    """The pseudonym that a person's consent grants to one recipient carry; nobody else's has anything in common."""
    info = b"tongguan/grant-subject/v1\0" + recipient.encode()
    return "urn:tongguan:principal:" + derive(traveller_key, info=info, length=16).hex()
