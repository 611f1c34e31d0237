"""The consent receipt: an ISO/IEC TS 27560 record as a signed JWS that the person keeps (specs/consent-record.md)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from broker.core.consent import ConsentRecord
from broker.core.jws import sign_statement
from broker.core.purpose import Notice
from broker.wire.keys import Signer

TYP = "consent-receipt+jwt"
SCHEMA = "ISO/IEC TS 27560:2023"


def receipt_claims(
    record: ConsentRecord, notice: Notice, *, issuer: str, principal: str, journal_leaf: bytes
) -> dict[str, Any]:
    """The receipt's content: the record's fields, the whole notice as it was shown, and the journal entry
    to look up.
    """
    return {
        "iss": issuer,
        "sub": principal,
        "iat": _seconds(record.given_at),
        "jti": str(record.consent_id),
        "schema_version": SCHEMA,
        "record_id": str(record.consent_id),
        "pii_principal_id": principal,
        "purpose": record.purpose,
        "purpose_text": notice.purpose,
        "lawful_basis": record.legal_basis,
        "pii_categories": sorted(record.categories),
        "pii_controller": {"id": record.controller, "name": notice.controller, "contact": notice.contact},
        "recipient": {"id": record.recipient, "name": notice.recipient},
        "exporter_kind": record.exporter_kind,
        "processing_method": notice.method,
        "retention_period": notice.retention,
        "effect_on_principal": notice.effect,
        "rights": notice.rights,
        "notice": {
            "version": record.notice.version,
            "language": record.notice.language,
            "sha-256": record.notice.digest.hex(),
        },
        "collection_method": "broker-origin consent page, nothing ticked beforehand",
        "event": {"type": "given", "state": "active", "time": record.given_at.isoformat()},
        "valid_from": _seconds(record.valid_from),
        "valid_until": _seconds(record.valid_until),
        "journal_leaf": journal_leaf.hex(),
    }


def sign_receipt(claims: Mapping[str, Any], signer: Signer) -> str:
    """Compact JWS (RFC 7515) with alg EdDSA. Raises ValueError unless `signer` is the EdDSA receipt key."""
    return sign_statement(claims, signer, typ=TYP)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
