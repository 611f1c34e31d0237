"""The consent receipt: the artefact of a consent as a signed JWS that the person keeps (specs/consent-record.md 5)."""

from collections.abc import Mapping
from typing import Any

from broker.core.consent import ConsentRecord
from broker.core.consent_artefact import artefact_digest
from broker.core.jws import sign_statement
from broker.wire.keys import Signer

TYP = "consent-receipt+jwt"


def receipt_claims(
    record: ConsentRecord, content: Mapping[str, Any], *, issuer: str, journal_leaf: bytes
) -> dict[str, Any]:
    """The receipt's content: the artefact, its hash, and the journal entry to look up."""
    return {
        "iss": issuer,
        "sub": content["pii_principal_id"],
        "iat": int(record.given_at.timestamp()),
        "jti": str(record.consent_id),
        "record": content,
        "record_sha256": artefact_digest(content).hex(),
        "journal_leaf": journal_leaf.hex(),
    }


def sign_receipt(claims: Mapping[str, Any], signer: Signer) -> str:
    """Compact JWS (RFC 7515) with alg EdDSA. Raises ValueError unless `signer` is the EdDSA receipt key."""
    return sign_statement(claims, signer, typ=TYP)
