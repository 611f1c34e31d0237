"""Signature keys. A key fixes its algorithm and its use; a message cannot choose either."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from broker.wire import cbor
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.fields import Fields
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, CoseKey, Curve, KeyType, KeyUse

KID_BYTES = 8
SIGNATURE_BYTES = 64
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key: `point` is 32 bytes (Ed25519) or a 33-byte compressed point (P-256).

    Construct with `of_point` or `from_cose_key`; both refuse points that are not on the curve.
    """

    alg: Alg
    use: KeyUse
    point: bytes
    kid: bytes = field(compare=False)
    _key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey = field(compare=False, repr=False)

    @classmethod
    def of_point(cls, alg: Alg, use: KeyUse, point: bytes) -> "PublicKey":
        """Load a key from its point; DecodeError (malformed_claims) when there is no such point."""
        key = _load(alg, point)
        return cls(alg, use, point, _thumbprint(key)[:KID_BYTES], key)

    @classmethod
    def from_cose_key(cls, raw: bytes, use: KeyUse) -> "PublicKey":
        """Read a deterministic COSE_Key (RFC 9052 7) of OKP/Ed25519 or EC2/P-256, y as sign bit or coordinate."""
        alg, point = _read_cose_key(cbor.decode(raw, max_bytes=256))
        return cls.of_point(alg, use, point)

    def to_cose_key(self) -> bytes:
        """Return the deterministic COSE_Key, public parameters only; a P-256 point is compressed."""
        if self.alg is Alg.EDDSA:
            return cbor.encode({CoseKey.KTY: KeyType.OKP, CoseKey.CRV: Curve.ED25519, CoseKey.X: self.point})
        return cbor.encode(cose_key_of_point(self.point))

    def coordinates(self) -> tuple[bytes, bytes]:
        """Return x and y of a P-256 key, 32 bytes each; ValueError for an Ed25519 key, which has none."""
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            raise ValueError("an Ed25519 key is one octet string")  # noqa: TRY004 - a wrong value of the right type
        numbers = self._key.public_numbers()
        return numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return when `signature` (64 bytes: Ed25519, or r || s) signs `data`; else VerifyError (bad_signature)."""
        if len(signature) != SIGNATURE_BYTES:
            raise VerifyError(Reason.BAD_SIGNATURE, "a signature of the wrong length")
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, data)
            else:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                self._key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise VerifyError(Reason.BAD_SIGNATURE, "the signature does not match") from None


class Signer(Protocol):
    """A private key, wherever it lives (file, PKCS#11, KMS)."""

    @property
    def kid(self) -> bytes: ...
    @property
    def alg(self) -> Alg: ...
    @property
    def use(self) -> KeyUse: ...
    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over `data`."""


class LocalSigner:
    """A private key held in this process."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, use: KeyUse) -> None:
        self._key = key
        self.public = _public_of(key, use)

    @classmethod
    def generate(cls, use: KeyUse, alg: Alg = Alg.EDDSA, entropy: Entropy = os.urandom) -> "LocalSigner":
        while True:
            secret = entropy(32)
            # Rejection keeps the P-256 scalar uniform; it repeats once in about 2^32 draws.
            if alg is Alg.EDDSA or 0 < int.from_bytes(secret, "big") < P256_ORDER:
                return cls.from_private_bytes(secret, use, alg)

    @classmethod
    def from_private_bytes(cls, secret: bytes, use: KeyUse, alg: Alg = Alg.EDDSA) -> "LocalSigner":
        """Load the 32-byte Ed25519 seed or big-endian P-256 scalar; ValueError when it is neither."""
        if len(secret) != 32:
            raise ValueError("a private key is 32 bytes")
        if alg is Alg.EDDSA:
            return cls(ed25519.Ed25519PrivateKey.from_private_bytes(secret), use)
        return cls(ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1()), use)

    def private_bytes(self) -> bytes:
        """Return the 32 bytes that `from_private_bytes` takes."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.private_bytes_raw()
        return self._key.private_numbers().private_value.to_bytes(32, "big")

    @property
    def kid(self) -> bytes:
        return self.public.kid

    @property
    def alg(self) -> Alg:
        return self.public.alg

    @property
    def use(self) -> KeyUse:
        return self.public.use

    def sign(self, data: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        return sign_p256(self._key, data)


def sign_p256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Return r || s, with the nonce of RFC 6979: a failing random source must not leak the key."""
    der = key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def compressed_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the 33-byte compressed form (SEC 1 2.3.3)."""
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def cose_key_of_point(point: bytes) -> dict[int | str, cbor.Value]:
    """Return the EC2 COSE_Key map of a compressed point: y is its sign bit (RFC 9053 7.1.1)."""
    return {CoseKey.KTY: KeyType.EC2, CoseKey.CRV: Curve.P256, CoseKey.X: point[1:], CoseKey.Y: point[0] == 3}


def _load(alg: Alg, point: bytes) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey:
    try:
        if alg is Alg.EDDSA:
            return ed25519.Ed25519PublicKey.from_public_bytes(point)
        if len(point) == 33:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        pass
    raise DecodeError(Reason.MALFORMED_CLAIMS, "not a point of the key's curve")


def _read_cose_key(value: cbor.Value) -> tuple[Alg, bytes]:
    fields = Fields(value)
    kind = fields.uint(CoseKey.KTY), fields.uint(CoseKey.CRV)
    x = fields.octets(CoseKey.X, size=32)
    if kind == (KeyType.OKP, Curve.ED25519):
        fields.end()
        return Alg.EDDSA, x
    if kind != (KeyType.EC2, Curve.P256):
        fields.refuse("a key type or curve that is not used here")
    y = fields.take(CoseKey.Y)
    fields.end()
    if isinstance(y, bool):
        return Alg.ES256, bytes((3 if y else 2,)) + x
    if not isinstance(y, bytes) or len(y) != 32:
        fields.refuse("y is neither a sign bit nor a coordinate")
    point = bytes((2 + (y[-1] & 1),)) + x
    key = _load(Alg.ES256, point)
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.public_numbers().y != int.from_bytes(y, "big"):
        fields.refuse("not a point of the key's curve")
    return Alg.ES256, point


def _public_of(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, use: KeyUse) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return PublicKey.of_point(Alg.EDDSA, use, key.public_key().public_bytes_raw())
    return PublicKey.of_point(Alg.ES256, use, compressed_point(key.public_key()))


def _thumbprint(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> bytes:
    """Return the COSE Key Thumbprint (RFC 9679): SHA-256 over the required parameters, y uncompressed."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        required = {CoseKey.KTY: KeyType.OKP, CoseKey.CRV: Curve.ED25519, CoseKey.X: key.public_bytes_raw()}
        return hashlib.sha256(cbor.encode(required)).digest()
    numbers = key.public_numbers()
    return hashlib.sha256(
        cbor.encode(
            {
                CoseKey.KTY: KeyType.EC2,
                CoseKey.CRV: Curve.P256,
                CoseKey.X: numbers.x.to_bytes(32, "big"),
                CoseKey.Y: numbers.y.to_bytes(32, "big"),
            }
        )
    ).digest()
