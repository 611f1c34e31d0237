"""Writes specs/vectors/consent-record.json: `python -m tests.vectors.record_consent_record`. The keys are test keys."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.core.consent import ConsentRecord
from broker.core.consent_artefact import artefact, artefact_digest
from broker.core.identity_release import Frequency, IdentityRelease
from broker.core.jws import public_jwk
from broker.core.partner_purpose import limit_of
from broker.core.purpose import E_CHANNEL, Notice, Recipient
from broker.core.receipt import TYP, receipt_claims, sign_receipt
from broker.core.rulebook import Rulebook
from broker.core.zone import Controller
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse

PATH = Path(__file__).parents[2] / "specs" / "vectors" / "consent-record.json"
ISSUER = "https://broker.example"
AT = datetime(2026, 11, 21, 8, 0, 0, 250_000, tzinfo=UTC)
SEED = bytes(range(32))
PERSON = UUID("0f0f0f0f-0000-4000-8000-000000000001")
PRINCIPAL = "urn:tongguan:principal:" + "0f" * 16
FIRST, SECOND = UUID("11111111-0000-4000-8000-000000000001"), UUID("22222222-0000-4000-8000-000000000002")
LANE = UUID("33333333-0000-4000-8000-000000000003")
NAMES = {"zh-Hant": "海港銀行", "zh-Hans": "海港银行", "en": "Harbour Bank", "pt": "Banco do Porto"}
BANK = Recipient("harbour-bank", Controller("harbour-bank", "company", "privacy@bank.example", NAMES), NAMES, "HK")
LEAF = bytes(range(32, 64))
BOOK = Rulebook.load()


def signer(seed: bytes = SEED) -> LocalSigner:
    return LocalSigner(Ed25519PrivateKey.from_private_bytes(seed), KeyUse.RECEIPT)


def lane() -> dict[str, Any]:
    purpose, recipient = BOOK.resolve(E_CHANNEL, "HK-SZB")
    notice = BOOK.notice(E_CHANNEL, "HK-SZB", "pt")
    record = ConsentRecord(
        LANE, PERSON, E_CHANNEL, recipient.recipient_id, recipient.controller.controller_id, purpose.categories,
        purpose.legal_basis, purpose.exporter_kind, notice.reference(), AT, AT, AT + timedelta(days=90),
        jurisdiction=recipient.jurisdiction, series=LANE,
    )  # fmt: skip
    return _receipt(record, notice, None)


def first() -> dict[str, Any]:
    """Hong Kong data to a bank in Hong Kong, once."""
    release = IdentityRelease("age-check", "harbour-bank", frozenset({"over_18"}), timedelta(days=1))
    return _agency(release, FIRST, None, None, "en", origin="HK", until=timedelta(days=1))


def second() -> dict[str, Any]:
    """The next version of a consent: Mainland data to a bank in Hong Kong, sensitive, with an optional claim."""
    release = IdentityRelease(
        "account-opening", "harbour-bank", frozenset({"name", "document_number", "resident_of:CN,HK"}),
        timedelta(days=365), Frequency(3, timedelta(days=1)), frozenset({"resident_of:CN,HK"}),
    )  # fmt: skip
    return _agency(release, SECOND, FIRST, bytes(32), "zh-Hans", origin="CN", until=timedelta(days=90))


def _agency(
    release: IdentityRelease,
    consent_id: UUID,
    before: UUID | None,
    superseded: bytes | None,
    language: str,
    *,
    origin: str,
    until: timedelta,
) -> dict[str, Any]:
    purpose = BOOK.partner.purpose(release.purpose)
    notice = BOOK.partner.notice(release, BANK, language, origin=origin)
    record = ConsentRecord(
        consent_id, PERSON, release.purpose, release.recipient, BANK.controller.controller_id, release.claims,
        purpose.legal_basis, purpose.exporter_kind, notice.reference(), AT, AT, AT + until,
        frequency=limit_of(release), retention=release.retention, jurisdiction="HK",
        version=1 if before is None else 2, series=before or consent_id, supersedes=before,
    )  # fmt: skip
    return _receipt(record, notice, superseded)


def _receipt(record: ConsentRecord, notice: Notice, superseded: bytes | None) -> dict[str, Any]:
    content = artefact(record, notice, issuer=ISSUER, principal=PRINCIPAL, superseded=superseded)
    return receipt_claims(record, content, issuer=ISSUER, journal_leaf=LEAF)


def _forged(claims: dict[str, Any], *, typ: str = TYP, seed: bytes = SEED, alg: str = "EdDSA") -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed) if alg == "EdDSA" else None
    return jwt.encode(claims, key, algorithm=alg, headers={"typ": typ, "kid": signer().kid.hex()})  # type: ignore[arg-type]


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def cases() -> list[dict[str, Any]]:
    """`sha256` is over the canonical form of `record`; `refused` is what a verifier says instead."""
    made = []
    for name, claims in (("a lane", lane()), ("one predicate, once", first()), ("across a border", second())):
        digest = artefact_digest(claims["record"]).hex()
        made.append(
            {"name": name, "jws": sign_receipt(claims, signer()), "sha256": digest, "claims": claims, "refused": ""}
        )
    good = second()
    header, payload, signature = sign_receipt(good, signer()).split(".")
    altered = json.loads(json.dumps(good))
    altered["record"]["pii_processing"]["purposes"][0]["retention_period"] = "P3650D"
    redigested = altered | {"record_sha256": artefact_digest(altered["record"]).hex()}
    refusals = {
        "another payload": (f"{header}.{_b64(json.dumps(altered).encode())}.{signature}", "signature"),
        "another key": (_forged(good, seed=bytes(32)), "signature"),
        "another type": (_forged(good, typ="JWT"), "typ"),
        "unsigned": (_forged(good, alg="none"), "alg"),
        "a record that its hash is not of": (_forged(altered), "digest"),
        "altered and hashed anew by somebody": (_forged(redigested, seed=bytes(32)), "signature"),
        "half": (f"{header}.{payload}", "form"),
    }
    made += [{"name": name, "jws": jws, "refused": reason} for name, (jws, reason) in refusals.items()]
    return made


def document() -> dict[str, Any]:
    return {
        "format": "tongguan/vectors/v1",
        "layer": "consent-record",
        "issuer": ISSUER,
        "typ": TYP,
        "jwk": public_jwk(signer().public),
        "cases": cases(),
    }


def main() -> None:
    PATH.write_text(json.dumps(document(), indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
