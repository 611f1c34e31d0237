"""The consent grant: what a release rests on at the identity provider, signed (specs/consent-grant.md). It names who
vouched and how, and what was released to whom under which consents; it holds no claim about the person.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519

from broker.core.jws import sign_statement
from broker.wire.identity_grant import Vouched, timestamp
from broker.wire.keys import PublicKey, Signer

TYP = "consent-grant+jwt"


@dataclass(frozen=True, slots=True)
class ReleaseStatement:
    """One release: `what` names categories or claims, never values; `consents` are those it rests on."""

    purpose: str
    recipient: str
    what: frozenset[str]
    consents: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class ConsentGrant:
    """The signed statement, and its SHA-256, which the journal entry of the release carries."""

    jws: str
    sha256: bytes


def grant_claims(
    vouched: Vouched,
    release: ReleaseStatement,
    *,
    issuer: str,
    subject: str,
    grant_id: UUID,
    verification: Mapping[str, Any] | None,
    at: datetime,
) -> dict[str, Any]:
    """The content. `subject` is a pseudonym for this recipient alone or the person's own receipt pseudonym;
    `verification` as far as this recipient is told it.
    """
    return {
        "iss": issuer,
        "sub": subject,
        "aud": release.recipient,
        "iat": int(at.timestamp()),
        "jti": str(grant_id),
        "identity_grant": {
            "source": vouched.issuer,
            "acr": str(vouched.acr),
            "provider_acr": vouched.provider_acr,
            "amr": list(vouched.amr),
            "auth_time": int(vouched.auth_time.timestamp()),
            "scopes": sorted(vouched.scopes),
            "purpose": vouched.purpose,
            "expires_at": timestamp(vouched.expires_at),
            "evidence_commitment": evidence_commitment(grant_id, bytes.fromhex(vouched.evidence_hash)),
            **({"verification": dict(verification)} if verification else {}),
        },
        "release": {
            "purpose": release.purpose,
            "recipient": release.recipient,
            "what": sorted(release.what),
            "consents": _ids(release.consents),
        },
    }


def evidence_commitment(grant_id: UUID, evidence_hash: bytes) -> str:
    """SHA-256 over the grant's id and the evidence hash, in hexadecimal: whoever has the evidence can check it, and two
    recipients of one login's data cannot tell that it is one.
    """
    return hashlib.sha256(b"tongguan/evidence/v1\0" + grant_id.bytes + evidence_hash).hexdigest()


def sign_grant(claims: Mapping[str, Any], signer: Signer) -> ConsentGrant:
    """Compact JWS (RFC 7515), EdDSA. Raises ValueError unless `signer` is the receipt key."""
    jws = sign_statement(claims, signer, typ=TYP)
    return ConsentGrant(jws, hashlib.sha256(jws.encode()).digest())


class GrantRefused(Exception):
    """A consent grant does not verify; the message says which check failed."""


def verify_grant(jws: str, key: PublicKey, *, expected_issuer: str, expected_recipient: str) -> dict[str, Any]:
    """The content of a grant meant for `expected_recipient`. Raises GrantRefused (specs/consent-grant.md 3)."""
    # (1) one EdDSA signature by the statement key, and `typ`: other statements are signed with the same key
    try:
        decoded = jwt.decode_complete(
            jws,
            ed25519.Ed25519PublicKey.from_public_bytes(key.point),
            algorithms=["EdDSA"],
            audience=expected_recipient,
            issuer=expected_issuer,
            # A grant states what was the case at `iat`; it does not expire.
            options={"require": ["iss", "sub", "aud", "iat", "jti"], "verify_iat": False},
        )
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise GrantRefused(f"signature, issuer or recipient: {type(error).__name__}") from error
    if decoded["header"].get("typ") != TYP:
        raise GrantRefused("typ")
    # (2) both halves, about the same recipient
    claims: dict[str, Any] = decoded["payload"]
    release, identity = claims.get("release"), claims.get("identity_grant")
    if not isinstance(release, dict) or not isinstance(identity, dict):
        raise GrantRefused("identity_grant and release")
    if release.get("recipient") != expected_recipient or not release.get("consents"):
        raise GrantRefused("release")
    return claims


def _ids(consents: Sequence[UUID]) -> list[str]:
    return sorted(str(consent) for consent in consents)
