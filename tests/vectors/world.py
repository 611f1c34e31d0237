"""The invented world that the vectors live in: keys from names, one moment, one traveller."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from broker.wire import cbor, cose, device_proof, sealed_template, status_list, travel_pass, trust_list
from broker.wire.cbor import Tagged
from broker.wire.keys import LocalSigner, compressed_point, cose_key_of_point
from broker.wire.qr_payload import TravelQr
from broker.wire.registry import Alg, KeyUse
from broker.wire.sealed_template import FaceTemplate, TemplatePart, TemplatePayload
from broker.wire.travel_pass import PassClaims, PassMode

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ZONE = "HK-SZB"
EPOCH = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def octets(name: str, size: int = 32) -> bytes:
    """Return bytes that anybody can recompute from `name`."""
    return hashlib.shake_256(b"tongguan vectors: " + name.encode()).digest(size)


def signer(name: str, use: KeyUse, alg: Alg = Alg.EDDSA) -> LocalSigner:
    return LocalSigner.from_private_bytes(octets(name), use, alg)


ROOT = signer("root", KeyUse.ROOT)
PASS_ED = signer("pass eddsa", KeyUse.PASS)
PASS_ES = signer("pass es256", KeyUse.PASS, Alg.ES256)
PASS_RETIRED = signer("pass retired", KeyUse.PASS)
PASS_FUTURE = signer("pass future", KeyUse.PASS)
STRANGER = signer("stranger", KeyUse.PASS)
STATUS = signer("status", KeyUse.STATUS)
GATE = signer("gate", KeyUse.GATE, Alg.ES256)
GATE_ED = signer("gate eddsa", KeyUse.GATE)
DEVICE = ec.derive_private_key(int.from_bytes(octets("device"), "big"), ec.SECP256R1())
OTHER_DEVICE = ec.derive_private_key(int.from_bytes(octets("other device"), "big"), ec.SECP256R1())
EPOCH_SECRET = octets("epoch secret")


def days(count: float) -> timedelta:
    return timedelta(days=count)


def _trusted(key: LocalSigner, start: float = -1, end: float = 90) -> trust_list.TrustedKey:
    return trust_list.TrustedKey(key.public, NOW + days(start), NOW + days(end))


TRUST = trust_list.TrustList(
    version=7,
    issued_at=NOW - days(1),
    expires_at=NOW + days(6),
    keys=(
        _trusted(PASS_ED),
        _trusted(PASS_ES),
        _trusted(PASS_RETIRED, -90, -1),
        _trusted(PASS_FUTURE, 1, 90),
        _trusted(STATUS),
    ),
)
TRUST_BYTES = trust_list.sign(TRUST, ROOT)

PAYLOAD = TemplatePayload(
    octets("salt", 16),
    FaceTemplate((TemplatePart("mobilefacenet-192", octets("vector", 192)),)),
    (octets("seed", 16),),
)
COMMITMENT = sealed_template.commitment(PAYLOAD.salt, PAYLOAD.template.encode())

ONLINE = PassClaims(
    pass_id=octets("pass id", 16),
    zone=ZONE,
    issued_at=NOW - timedelta(seconds=30),
    not_before=NOW - timedelta(seconds=30),
    expires_at=NOW - timedelta(seconds=30) + timedelta(minutes=10),
    device_key=compressed_point(DEVICE.public_key()),
    status_index=5 * status_list.LIST_BITS + 4242,
    commitment=COMMITMENT,
    mode=PassMode.ONLINE,
)
OFFLINE = replace(ONLINE, expires_at=ONLINE.issued_at + timedelta(hours=24), mode=PassMode.OFFLINE)

STATUS_LIST = status_list.StatusList(
    list_no=5,
    version=31,
    issued_at=NOW - timedelta(minutes=4),
    expires_at=NOW - timedelta(minutes=4) + status_list.HARD_BOUND,
    bits=status_list.bits_of({0, 7, 8, 99_999, status_list.LIST_BITS - 1}),
)
REVOKING = replace(STATUS_LIST, version=32, bits=status_list.bits_of({0, ONLINE.status_index % status_list.LIST_BITS}))


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")


def claims_json(claims: PassClaims) -> dict[str, Any]:
    """Return the claims as the vector files write them."""
    return {
        "pass_id": claims.pass_id.hex(),
        "zone": claims.zone,
        "issued_at": instant(claims.issued_at),
        "not_before": instant(claims.not_before),
        "expires_at": instant(claims.expires_at),
        "device_key": claims.device_key.hex(),
        "status_index": claims.status_index,
        "commitment": claims.commitment.hex(),
        "mode": int(claims.mode),
    }


def claims_map(base: PassClaims = ONLINE, **changes: Any) -> dict[Any, Any]:
    """Return the CWT map of `base`; `c4="x"` sets claim 4, `c4=None` removes it, `m65537` stands for claim -65537."""
    entries: dict[Any, Any] = {
        3: base.zone,
        4: int(base.expires_at.timestamp()),
        5: int(base.not_before.timestamp()),
        6: int(base.issued_at.timestamp()),
        7: base.pass_id,
        8: {1: cose_key_of_point(base.device_key)},
        -65537: base.status_index,
        -65538: base.commitment,
        -65539: int(base.mode),
    }
    for name, value in changes.items():
        label = int(name[1:]) * (1 if name[0] == "c" else -1)
        if value is None:
            entries.pop(label)
        else:
            entries[label] = value
    return entries


def sign1(
    payload: bytes | Any,
    key: LocalSigner = PASS_ED,
    *,
    protected: Mapping[Any, Any] | bytes | None = None,
    unprotected: Mapping[Any, Any] | None = None,
    external_aad: bytes = b"",
    tag: int | None = 18,
) -> bytes:
    """Return a COSE_Sign1, correctly signed whatever else is wrong with it."""
    if not isinstance(payload, bytes):
        payload = cbor.encode(payload)
    if protected is None:
        protected = {1: int(key.alg), 4: key.kid}
    raw_protected = protected if isinstance(protected, bytes) else cbor.encode(protected)
    signature = key.sign(cose.signed_bytes(raw_protected, payload, external_aad))
    message = [raw_protected, dict(unprotected or {}), payload, signature]
    return cbor.encode(message if tag is None else Tagged(tag, message))


def malleated(signature: bytes) -> bytes:
    """Return the other ECDSA signature of the same message: (r, n - s)."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + (P256_ORDER - s).to_bytes(32, "big")


def flipped(raw: bytes, position: int) -> bytes:
    out = bytearray(raw)
    out[position] ^= 1
    return bytes(out)


def qr(
    claims: PassClaims = ONLINE, *, at: datetime = NOW, key: LocalSigner = PASS_ED, raw: bytes | None = None
) -> TravelQr:
    """Return the complete code of `claims` with a proof made `at` that time."""
    raw = travel_pass.mint(claims, key) if raw is None else raw
    counter = device_proof.counter_at(at)
    sealed = None
    if claims.mode is PassMode.OFFLINE:
        sealed = sealed_template.seal_for_qr(PAYLOAD, epoch_secret=EPOCH_SECRET, epoch=EPOCH, pass_id=claims.pass_id)
    return TravelQr(raw, counter, device_proof.sign(DEVICE, raw, counter), sealed)
