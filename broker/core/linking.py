"""Which identities are one person's: the rules of specs/linking.md as pure functions and values."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from broker.wire.identity_grant import VerifiedClaims

LINK_WINDOW = timedelta(minutes=15)
"""Both logins of a link lie within this time, in one browser session."""
HELD_LIFETIME = timedelta(days=7)
"""How long a held login waits for an officer; the person's own confirmation has LINK_WINDOW."""


@dataclass(frozen=True, slots=True)
class DocumentDigest:
    """A document as it is compared: keyed hashes of type and number, and of both with the birth date, 32 bytes."""

    document: bytes
    birth: bytes


def document_digests(secret: bytes, claims: VerifiedClaims) -> tuple[DocumentDigest, ...]:
    """Every document the authority vouched for, in ascending order (so that two writers never wait for each other)."""
    held = {(claims.document_type, claims.document_number)}
    held |= {(document.document_type, document.document_number) for document in claims.further_documents}
    digests = []
    for kind, number in held:
        name = f"{kind}\0{number}".encode()
        document = hmac.digest(secret, b"tongguan/document/v1\0" + name, hashlib.sha256)
        # Bound to the document: equal birth dates of two people have different digests.
        born = name + b"\0" + claims.birth_date.isoformat().encode()
        digests.append(DocumentDigest(document, hmac.digest(secret, b"tongguan/birth/v1\0" + born, hashlib.sha256)))
    return tuple(sorted(digests, key=lambda digest: digest.document))


def main_document(secret: bytes, claims: VerifiedClaims) -> bytes:
    """The digest of the document the claims are about."""
    alone = claims.model_copy(update={"further_documents": ()})
    return document_digests(secret, alone)[0].document


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """One identity at one provider, and whose it is. `withdrawn_at`: the person revoked us there."""

    link_id: UUID
    digest: bytes  # core.traveller.identity_digest
    traveller: UUID
    provider: str
    acr: str | None
    linked_at: datetime
    last_login_at: datetime | None
    withdrawn_at: datetime | None = None


class HeldReason(StrEnum):
    """Why a first login was not simply made a new person."""

    OTHER_PROVIDER = "other_provider"  # the document is known from another provider
    CHANGED_SUBJECT = "changed_subject"  # the document is known from this provider under another subject
    BIRTH_DATE = "birth_date"  # the document is known with another birth date: an officer must look


@dataclass(frozen=True, slots=True)
class HeldIdentity:
    """A login that waits for the person, or an officer, to say that it is the same person. `browser` is the digest of
    the secret its browser was given.
    """

    held_id: UUID
    digest: bytes
    traveller: UUID
    provider: str
    acr: str
    reason: HeldReason
    browser: bytes
    created_at: datetime
    expires_at: datetime


class LinkRefusal(StrEnum):
    """Why a login was not taken. Each has a page text."""

    RESULT_ONLY = "result_only"  # the provider said nothing but yes, and nobody is linked to it
    TAKEN = "taken"  # the identity belongs to another person here
    NO_MATCH = "no_match"  # document number or birth date differ, or were not shared
    EXPIRED = "expired"  # the grant's time was over


@dataclass(frozen=True, slots=True)
class Linked:
    """Whom the login belongs to, and whether it was their first."""

    traveller: UUID
    first: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Nobody was logged in: the identity waits."""

    held: HeldIdentity


@dataclass(frozen=True, slots=True)
class NotLinked:
    """Nobody was logged in, and nothing waits."""

    refusal: LinkRefusal


LinkOutcome = Linked | Held | NotLinked


def held_reason(known: DocumentDigest, shown: tuple[DocumentDigest, ...], *, same_provider: bool) -> HeldReason:
    """Why a first login with a document of somebody known is held."""
    if known not in shown:
        return HeldReason.BIRTH_DATE
    return HeldReason.CHANGED_SUBJECT if same_provider else HeldReason.OTHER_PROVIDER


def may_confirm(held: HeldIdentity, *, traveller: UUID, browser: bytes, auth_time: datetime, at: datetime) -> bool:
    """Whether the person logged in as `traveller` at `auth_time` in that browser may take the held identity themselves:
    the same browser, both logins within LINK_WINDOW, no doubt about the birth date.
    """
    return (
        held.traveller == traveller
        and hmac.compare_digest(held.browser, browser)
        and held.reason is not HeldReason.BIRTH_DATE
        and at < held.created_at + LINK_WINDOW
        and at < auth_time + LINK_WINDOW
        and at < held.expires_at
    )
