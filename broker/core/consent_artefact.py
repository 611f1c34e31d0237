"""The consent artefact: a record with the structure of ISO/IEC TS 27560:2023 and the notice fields of PIPL articles 30
and 39, of which every version has one canonical form and one hash (specs/consent-record.md 4).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from broker.core.consent import ConsentRecord
from broker.core.purpose import Notice
from broker.core.zone import BROKER

SCHEMA: Final = "ISO/IEC TS 27560:2023"
PROFILE: Final = "tongguan/consent-record/v2"
_COLLECTED: Final = "broker-origin consent page, nothing ticked beforehand"


def artefact(
    record: ConsentRecord, notice: Notice, *, issuer: str, principal: str, superseded: bytes | None
) -> dict[str, Any]:
    """The artefact of `record`, given under `notice`. `principal` is the person's pseudonym on receipts; `superseded`
    is the hash of the artefact of the version before, if there was one.
    """
    earlier = None
    if record.supersedes is not None:
        earlier = {"record_id": str(record.supersedes), "sha-256": None if superseded is None else superseded.hex()}
    return {
        "schema_version": SCHEMA,
        "profile": PROFILE,
        "record_id": str(record.consent_id),
        "series_id": str(record.series_id),
        "version": record.version,
        "supersedes": earlier,
        "pii_principal_id": principal,
        "pii_processing": {
            "privacy_notice": {
                "version": record.notice.version,
                "language": record.notice.language,
                "sha-256": record.notice.digest.hex(),
            },
            "language": record.notice.language,
            "purposes": [_purpose(record, notice)],
        },
        "party_identification": _parties(record, notice, issuer),
        "events": [
            {
                "event_time": _moment(record.given_at),
                "event_type": "explicit_consent",
                "event_state": "given",
                "valid_from": _moment(record.valid_from),
                "valid_until": _moment(record.valid_until),
                "entity_id": principal,
            }
        ],
        "pipl_article_30": _sensitive(notice),
        "pipl_article_39": _crossing(notice),
    }


def canonical(content: Mapping[str, Any]) -> bytes:
    """RFC 8785 for what an artefact holds (strings, booleans, null, whole numbers; ASCII names): UTF-8 JSON with sorted
    names and no spaces.
    """
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def artefact_digest(content: Mapping[str, Any]) -> bytes:
    """SHA-256 over the canonical form: 32 bytes."""
    return hashlib.sha256(canonical(content)).digest()


def _purpose(record: ConsentRecord, notice: Notice) -> dict[str, Any]:
    words = dict(notice.words)
    return {
        "purpose": record.purpose,
        "purpose_description": notice.purpose,
        "lawful_basis": record.legal_basis,
        "pii_information": [
            {
                "pii_type": category,
                "description": words.get(category),
                "pii_optional": category in notice.optional,
                "sensitive_pii": category in notice.sensitive,
            }
            for category in sorted(record.categories)
        ],
        "pii_controllers": [record.controller],
        "recipient_third_parties": [record.recipient],
        "collection_method": _COLLECTED,
        "processing_method": notice.method,
        "processing_locations": [] if notice.jurisdiction is None else [notice.jurisdiction],
        "retention_period": notice.retention,
        "frequency": notice.frequency or None,
        "exporter_kind": record.exporter_kind,
        "effect_on_principal": notice.effect,
        "refusal": notice.refusal or None,
        "withdrawal_method": notice.withdrawal or notice.rights,
        "privacy_rights": notice.rights,
    }


def _parties(record: ConsentRecord, notice: Notice, issuer: str) -> list[dict[str, Any]]:
    parties = [_party(record.controller, "pii_controller", notice.controller, notice.contact, notice.jurisdiction)]
    if record.recipient != record.controller:
        recipient = _party(record.recipient, "recipient", notice.recipient, notice.contact, notice.jurisdiction)
        parties.append(recipient)
    if record.controller != BROKER:
        parties.append({"party_id": BROKER, "party_role": "consent_manager", "party_url": issuer})
    return parties


def _party(party_id: str, role: str, name: str, contact: str, jurisdiction: str | None) -> dict[str, Any]:
    return {
        "party_id": party_id,
        "party_role": role,
        "party_name": name,
        "party_contact": contact,
        "party_country": jurisdiction,
    }


def _sensitive(notice: Notice) -> dict[str, Any] | None:
    if not notice.sensitive:
        return None
    return {"categories": list(notice.sensitive), "necessity": notice.purpose, "effect": notice.effect}


def _crossing(notice: Notice) -> dict[str, Any] | None:
    """The notice of article 39 of the PIPL, whenever data leave the jurisdiction they reside in."""
    if notice.origin is None or notice.jurisdiction in (None, notice.origin):
        return None
    return {
        "from": notice.origin,
        "to": notice.jurisdiction,
        "overseas_recipient": notice.controller,
        "contact": notice.contact,
        "purpose": notice.purpose,
        "method": notice.method,
        "categories": list(notice.categories),
        "exercise_of_rights": notice.rights,
        "separate_consent": True,
    }


def _moment(at: datetime) -> str:
    """RFC 3339 in UTC, as precise as the ledger."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
