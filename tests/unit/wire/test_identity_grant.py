"""The identity grant: what it refuses, what it shows of itself, and what it becomes for OpenID Connect for IDA."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from broker.wire.identity_grant import (
    Assurance,
    DocumentType,
    EvidenceKind,
    HeldDocument,
    IdentityGrant,
    Verification,
    VerifiedClaims,
    Vouched,
)
from broker.wire.upstream_tokens import UpstreamTokens

AT = datetime(2026, 11, 21, 8, 0, 0, 500_000, tzinfo=UTC)
CLAIMS = VerifiedClaims(
    family_name="CHAN",
    native_name="陳示範",
    birth_date=date(1985, 4, 12),
    document_type=DocumentType.HKID,
    document_number="QX9001236",
    further_documents=(HeldDocument(document_type=DocumentType.MAINLAND_TRAVEL_PERMIT, document_number="H12345678"),),
)


def _grant(**change: Any) -> IdentityGrant:
    values: dict[str, Any] = {
        "provider": "iamsmart",
        "issuer": "https://iamsmart.example",
        "subject": "the-subject",
        "acr": Assurance.HIGH,
        "provider_acr": "iamsmart:face",
        "amr": ("face", "hwk"),
        "auth_time": AT,
        "claims": CLAIMS,
        "verification": Verification(trust_framework="hk_iamsmart", time=AT, evidence=EvidenceKind.ELECTRONIC_RECORD),
        "scopes": frozenset({"eidapi_auth"}),
        "expires_at": AT + timedelta(hours=1),
        "portrait": b"\xff\xd8\xff synthetic",
        "tokens": UpstreamTokens(provider="iamsmart", access_token="the-access-token", open_id="the-open-id"),
        "evidence_hash": b"e" * 32,
    }
    return IdentityGrant(**values | change)


@pytest.mark.parametrize(
    "change",
    [
        {"claims": None},
        {"verification": None},
        {"claims": None, "verification": None},  # and a portrait of nobody
        {"portrait": b"GIF89a"},
        {"expires_at": AT},
        {"tokens": UpstreamTokens(provider="macau", access_token="x")},
        {"purpose": "Sign in!"},
        {"auth_time": datetime(2026, 11, 21)},  # noqa: DTZ001  the point of the test
        {"evidence_hash": b"short"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_refused_without_its_values(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        _grant(**change)
    for secret in ("QX9001236", "the-subject", "the-access-token", "陳示範"):
        assert secret not in str(refused.value)


def test_a_result_only_grant() -> None:
    grant = _grant(claims=None, verification=None, portrait=None)
    assert grant.verified_claims() is None
    assert grant.vouched().verification_object() is None


def test_nothing_personal_shows() -> None:
    shown = repr(_grant())
    for secret in ("QX9001236", "H12345678", "the-subject", "the-access-token", "the-open-id", "CHAN", "1985", "eeee"):
        assert secret not in shown
    assert "iamsmart:face" in shown


def test_openid_connect_for_identity_assurance() -> None:
    assert _grant().verified_claims() == {
        "verification": {
            "trust_framework": "hk_iamsmart",
            "assurance_level": "urn:tongguan:acr:high",
            "time": "2026-11-21T08:00:00Z",
            "evidence": [
                {
                    "type": "electronic_record",
                    "check_details": [
                        {"check_method": "iamsmart:face", "organization": "https://iamsmart.example"},
                    ],
                    "record": {"type": "identity_register", "source": {"name": "https://iamsmart.example"}},
                }
            ],
        },
        "claims": {
            "family_name": "CHAN",
            "native_name": "陳示範",
            "birthdate": "1985-04-12",
            "document_type": "hkid",
            "document_number": "QX9001236",
        },
    }


def test_a_document_as_evidence_names_its_kind() -> None:
    read = Verification(trust_framework="cn_ctid", time=AT, evidence=EvidenceKind.DOCUMENT)
    found = _grant(verification=read).vouched().verification_object()
    assert found is not None
    assert found["evidence"][0]["document_details"] == {"type": "hkid", "issuer": {"name": "https://iamsmart.example"}}


def test_what_vouched_survives_storage() -> None:
    vouched = _grant().vouched()
    assert Vouched.model_validate_json(vouched.model_dump_json()) == vouched
    assert "QX9001236" not in vouched.model_dump_json()
