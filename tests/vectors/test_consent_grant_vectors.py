"""specs/vectors/consent-grant.json: made again byte for byte, verified by ours and by an ordinary JWT library."""

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.core.consent_grant import TYP, GrantRefused, sign_grant, verify_grant
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.vectors.record_consent_grant import PATH, claims, document, signer

VECTORS: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))


def test_the_file_is_what_the_code_makes() -> None:
    assert document() == VECTORS


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_each_case_verifies_or_is_refused_for_its_reason(case: dict[str, str]) -> None:
    def verify() -> dict[str, Any]:
        return verify_grant(
            case["jws"], signer().public, expected_issuer=VECTORS["issuer"], expected_recipient=VECTORS["recipient"]
        )

    if not case["refused"]:
        assert verify() == VECTORS["claims"]
        return
    with pytest.raises(GrantRefused) as refused:
        verify()
    assert str(refused.value).startswith(case["refused"])


def test_an_ordinary_library_verifies_it() -> None:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(VECTORS["public_key"]))
    text = VECTORS["cases"][0]["jws"]
    found = jwt.decode(text, key, algorithms=["EdDSA"], audience=VECTORS["recipient"], issuer=VECTORS["issuer"])
    # Whoever has the evidence can check the commitment with nothing but SHA-256.
    committed = b"tongguan/evidence/v1\0" + UUID(found["jti"]).bytes + bytes.fromhex(VECTORS["evidence_sha256"])
    assert found["identity_grant"]["evidence_commitment"] == sha256(committed).hexdigest()
    assert jwt.get_unverified_header(text)["typ"] == TYP


def test_no_claim_about_the_person_is_inside() -> None:
    assert set(claims()["identity_grant"]) == {
        "source", "acr", "provider_acr", "amr", "auth_time", "scopes", "purpose", "expires_at", "evidence_commitment",
        "verification",
    }  # fmt: skip
    assert claims()["release"]["what"] == ["birthdate", "document_number"]


def test_only_the_statement_key_signs() -> None:
    with pytest.raises(ValueError, match="receipt key"):
        sign_grant(claims(), LocalSigner.generate(KeyUse.PASS))
