"""The consent receipt: an ISO/IEC TS 27560 record as a signed JWS that the person keeps (specs/consent-record.md)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jwt.algorithms import Algorithm
from jwt.api_jws import PyJWS

from broker.core.consent import ConsentRecord
from broker.core.purpose import Notice
from broker.wire.keys import Signer
from broker.wire.registry import Alg, KeyUse

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
    if signer.use is not KeyUse.RECEIPT or signer.alg is not Alg.EDDSA:
        raise ValueError("receipts are signed by the EdDSA receipt key alone")
    payload = json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    headers = {"kid": signer.kid.hex(), "typ": TYP}
    jws = PyJWS(algorithms=[])
    jws.register_algorithm("EdDSA", _PortSigner())
    # PyJWT types keys by its own algorithms' needs; ours takes the Signer port.
    return jws.encode(payload, signer, algorithm="EdDSA", headers=headers)  # type: ignore[arg-type]


class _PortSigner(Algorithm):
    """Lets PyJWT write the envelope while the private key stays behind the Signer port (a file, PKCS#11 or a KMS)."""

    def prepare_key(self, key: Signer) -> Signer:
        return key

    def sign(self, msg: bytes, key: Signer) -> bytes:
        return key.sign(msg)

    def verify(self, msg: bytes, key: Signer, sig: bytes) -> bool:
        raise NotImplementedError("receipts are verified with an ordinary public key")

    @staticmethod
    def to_jwk(key_obj: Signer, as_dict: bool = False) -> Any:
        raise NotImplementedError("a Signer has no private JWK")

    @staticmethod
    def from_jwk(jwk: str | dict[str, Any]) -> Signer:
        raise NotImplementedError("a Signer has no private JWK")


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
