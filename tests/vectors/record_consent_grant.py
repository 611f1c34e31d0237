"""Writes specs/vectors/consent-grant.json: `python -m tests.vectors.record_consent_grant`. The keys are test keys."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.core.consent_grant import TYP, ReleaseStatement, grant_claims, sign_grant
from broker.wire.identity_grant import Assurance, DocumentType, EvidenceKind, Verification, Vouched
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse

PATH = Path(__file__).parents[2] / "specs" / "vectors" / "consent-grant.json"
ISSUER, RECIPIENT = "https://broker.example", "hk-immigration"
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SEED = bytes(range(32))


def signer(seed: bytes = SEED) -> LocalSigner:
    return LocalSigner(Ed25519PrivateKey.from_private_bytes(seed), KeyUse.RECEIPT)


def vouched() -> Vouched:
    return Vouched(
        provider="iamsmart",
        issuer="https://iamsmart.example",
        acr=Assurance.HIGH,
        provider_acr="iamsmart:face",
        amr=("face", "hwk"),
        auth_time=AT - timedelta(minutes=3),
        scopes=frozenset({"eidapi_auth", "eidapi_profiles"}),
        purpose="sign-in",
        expires_at=AT + timedelta(minutes=57),
        evidence_hash="ab" * 32,
        verification=Verification(
            trust_framework="hk_iamsmart", time=AT - timedelta(minutes=3), evidence=EvidenceKind.ELECTRONIC_RECORD
        ),
        document_type=DocumentType.HKID,
    )


def claims() -> dict[str, Any]:
    consent = UUID("6f2b6a56-0b3b-4b7e-9a55-111111111111")
    release = ReleaseStatement("visa-check", RECIPIENT, frozenset({"birthdate", "document_number"}), (consent,))
    subject = "urn:tongguan:principal:" + "0f" * 16
    grant_id = UUID("11111111-2222-4333-8444-555555555555")
    return grant_claims(
        vouched(),
        release,
        issuer=ISSUER,
        subject=subject,
        grant_id=grant_id,
        verification=vouched().verification_object(),
        at=AT,
    )


def _forged(claims: dict[str, Any], *, typ: str = TYP, seed: bytes = SEED, **change: Any) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    body = {name: value for name, value in (claims | change).items() if value is not None}
    return jwt.encode(body, key, algorithm="EdDSA", headers={"typ": typ, "kid": signer().kid.hex()})


def cases() -> list[dict[str, str]]:
    """Each with the check that must refuse it, as `verify_grant` names it; the first is good."""
    good = claims()
    made = sign_grant(good, signer()).jws
    head, body, signature = made.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    both = "signature, issuer or recipient"
    return [
        {"name": "good", "jws": made, "refused": ""},
        {"name": "one bit of the signature", "jws": f"{head}.{body}.{flipped}", "refused": both},
        {"name": "another key", "jws": _forged(good, seed=bytes(32)), "refused": both},
        {"name": "no algorithm", "jws": jwt.encode(good, "", algorithm="none", headers={"typ": TYP}), "refused": both},
        {"name": "another issuer", "jws": _forged(good, iss="https://evil.example"), "refused": both},
        {"name": "another recipient", "jws": _forged(good, aud="mo-bank"), "refused": both},
        {"name": "no subject", "jws": _forged(good, sub=None), "refused": both},
        {"name": "a consent receipt", "jws": _forged(good, typ="consent-receipt+jwt"), "refused": "typ"},
        {"name": "no release", "jws": _forged(good, release=None), "refused": "identity_grant and release"},
        {
            "name": "a release to somebody else",
            "jws": _forged(good, release=good["release"] | {"recipient": "mo-bank"}),
            "refused": "release",
        },
        {
            "name": "a release without consent",
            "jws": _forged(good, release=good["release"] | {"consents": []}),
            "refused": "release",
        },
    ]


def document() -> dict[str, Any]:
    made = sign_grant(claims(), signer())
    return {
        "description": "Consent grants (specs/consent-grant.md). The key is a test key: Ed25519 seed 00 01 .. 1f.",
        "seed": SEED.hex(),
        "public_key": signer().public.point.hex(),
        "issuer": ISSUER,
        "recipient": RECIPIENT,
        "claims": claims(),
        "evidence_sha256": vouched().evidence_hash,
        "sha256": made.sha256.hex(),
        "cases": cases(),
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(document(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
