"""The COSE working group's vectors, and an independent library (`cwt`) that reads our passes."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker.wire import cose, travel_pass
from broker.wire.errors import WireError
from broker.wire.keys import PublicKey
from broker.wire.registry import Alg, KeyUse
from tests.vectors import world as w

DATA = Path(__file__).parents[4] / "shared" / "data" / "cose"
COVERED = (
    "sign1-tests/*.json",
    "ecdsa-examples/ecdsa-sig-01.json",
    "eddsa-examples/eddsa-sig-01.json",
    "CWT/A_3.json",
)
# Messages that this layer does not read, each with its reason in specs/divergences.md.
NOT_COVERED = {
    "CWT/A_4.json": "COSE_Mac0",
    "CWT/A_5.json": "AES-CCM",
    "CWT/A_6.json": "AES-CCM",
    "CWT/A_7.json": "COSE_Mac0",
    "ecdsa-examples/ecdsa-01.json": "COSE_Sign",
    "ecdsa-examples/ecdsa-02.json": "COSE_Sign",
    "ecdsa-examples/ecdsa-03.json": "COSE_Sign",
    "ecdsa-examples/ecdsa-04.json": "COSE_Sign",
    "ecdsa-examples/ecdsa-sig-02.json": "ES384",
    "ecdsa-examples/ecdsa-sig-03.json": "ES512",
    "ecdsa-examples/ecdsa-sig-04.json": "ES512",
    "eddsa-examples/eddsa-01.json": "COSE_Sign",
    "eddsa-examples/eddsa-02.json": "COSE_Sign",
    "eddsa-examples/eddsa-sig-02.json": "Ed448",
}
present = pytest.mark.skipif(not DATA.is_dir(), reason="the COSE reference vectors are not on this machine")
FILES = sorted(path for pattern in COVERED for path in DATA.glob(pattern))


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _key(vector: dict[str, Any]) -> PublicKey:
    key = vector["input"]["sign0"]["key"]

    def part(name: str) -> bytes:
        return bytes.fromhex(key[name + "_hex"]) if name + "_hex" in key else _base64url(key[name])

    if key["kty"] == "OKP":
        return PublicKey.of_point(Alg.EDDSA, KeyUse.PASS, part("x"))
    return PublicKey.of_point(Alg.ES256, KeyUse.PASS, bytes([2 + (part("y")[-1] & 1)]) + part("x"))


@present
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sign1_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    given = vector["input"]
    raw = bytes.fromhex(vector["output"]["cbor"])
    aad = bytes.fromhex(given["sign0"].get("external", ""))
    payload = given["plaintext"].encode() if "plaintext" in given else bytes.fromhex(given["plaintext_hex"])

    def verify() -> bytes:
        return cose.read_sign1(raw, profile=cose.Profile.GENERAL).verify(_key(vector), external_aad=aad)

    if vector.get("fail"):
        with pytest.raises(WireError):
            verify()
        return
    assert verify() == payload
    message = cose.read_sign1(raw, profile=cose.Profile.GENERAL)
    to_be_signed = cose.signed_bytes(message.protected_raw, payload, aad)
    assert to_be_signed == bytes.fromhex(vector["intermediates"]["ToBeSign_hex"])


@present
def test_every_other_vector_is_a_known_divergence() -> None:
    divergences = (Path(__file__).parents[3] / "specs" / "divergences.md").read_text()
    everything = {str(path.relative_to(DATA)) for path in DATA.glob("*/*.json")}
    assert everything - {str(path.relative_to(DATA)) for path in FILES} == NOT_COVERED.keys()
    assert len(FILES) == 12
    for name in NOT_COVERED:
        assert Path(name).name in divergences, name


@present
@pytest.mark.parametrize("name", NOT_COVERED)
def test_the_others_are_refused_as_declared(name: str) -> None:
    vector = json.loads((DATA / name).read_text())
    with pytest.raises(WireError):
        cose.read_sign1(bytes.fromhex(vector["output"]["cbor"]), profile=cose.Profile.GENERAL).verify(w.PASS_ES.public)


@pytest.mark.parametrize("signer", [w.PASS_ED, w.PASS_ES], ids=["EdDSA", "ES256"])
def test_an_independent_library_reads_our_pass(signer: Any) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    claims = _claims_now(now)
    raw = travel_pass.mint(claims, signer)
    key = cbor2.loads(signer.public.to_cose_key())
    if key[1] == 2:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), signer.public.point).public_numbers()
        key[-3] = point.y.to_bytes(32, "big")  # that library wants the coordinate
    key |= {2: signer.kid, 3: int(signer.alg)}
    decoded = cwt.decode(raw, cwt.COSEKey.new(key))
    assert decoded[3] == claims.zone
    assert decoded[4] == int(claims.expires_at.timestamp())
    assert decoded[7] == claims.pass_id
    assert decoded[8][1] == {1: 2, -1: 1, -2: claims.device_key[1:], -3: claims.device_key[0] == 3}
    assert (decoded[-65537], decoded[-65538], decoded[-65539]) == (claims.status_index, claims.commitment, 0)
    with pytest.raises(cwt.VerifyError):
        cwt.decode(w.flipped(raw, -1), cwt.COSEKey.new(key))


def _claims_now(now: datetime) -> travel_pass.PassClaims:
    return replace(w.ONLINE, issued_at=now, not_before=now, expires_at=now + (w.ONLINE.expires_at - w.ONLINE.issued_at))
