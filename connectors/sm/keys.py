"""SM2 keys: sign, verify, encrypt, decrypt (GM/T 0003 with the default identifier; ciphertexts C1 C3 C2 in the DER of
GM/T 0009), and their PKCS#8 form.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

import gmssl_pyx  # type: ignore[import-untyped]  # it ships stubs without the py.typed marker
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.x509 import ObjectIdentifier

from connectors.sm import oids
from connectors.sm.errors import DecodeError, EnvelopeError, SignatureError

DEFAULT_ID: Final = b"1234567812345678"
MAX_WRAPPED: Final = 255  # bytes of plaintext in one SM2 ciphertext, the library's limit: it carries keys, not data
MAX_PEM: Final = 16 * 1024

_P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_GX: Final = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
_GY: Final = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
_CURVE: Final = b"".join(value.to_bytes(32, "big") for value in (_P - 3, _B, _GX, _GY))
_N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_PEM: Final = re.compile(rb"-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")


@asn1.sequence
class _Signature:
    r: int
    s: int


@asn1.sequence
class _Ciphertext:
    x: int
    y: int
    hash: Annotated[bytes, asn1.Size.exact(32)]
    text: bytes


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    curve: ObjectIdentifier


@asn1.sequence
class _EcPrivateKey:
    """RFC 5915 3."""

    version: int
    secret: Annotated[bytes, asn1.Size.exact(32)]
    parameters: Annotated[ObjectIdentifier | None, asn1.Explicit(0)]
    point: Annotated[asn1.BitString | None, asn1.Explicit(1)]


@asn1.sequence
class _Pkcs8:
    """RFC 5958 2, without attributes."""

    version: int
    algorithm: _Algorithm
    key: bytes


@dataclass(frozen=True)
class Sm2PublicKey:
    """`point`: x and y, 32 bytes each. Raises DecodeError for a point that is not on the curve."""

    point: bytes

    def __post_init__(self) -> None:
        if len(self.point) != 64 or not _on_curve(self.point):
            raise DecodeError("not a point of the SM2 curve")

    @classmethod
    def from_sec1(cls, encoded: bytes) -> Self:
        """An uncompressed point: 04, x, y."""
        if len(encoded) != 65 or encoded[0] != 4:
            raise DecodeError("not an uncompressed point")
        return cls(encoded[1:])

    @property
    def sec1(self) -> bytes:
        return b"\x04" + self.point

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises SignatureError. `signature`: DER of r and s."""
        try:
            pair = asn1.decode_der(_Signature, signature)
        except ValueError as error:
            raise SignatureError("not an SM2 signature") from error
        if not (1 <= pair.r < _N and 1 <= pair.s < _N):
            raise SignatureError("r or s is out of range")
        try:
            good = gmssl_pyx.sm2_verify_sm3_digest(self.point, self.digest(message), signature)
        except gmssl_pyx.GmsslInnerError as error:
            raise SignatureError("the signature does not verify") from error
        if not good:
            raise SignatureError("the signature does not verify")

    def digest(self, message: bytes) -> bytes:
        """SM3(Z || message), Z for DEFAULT_ID and this key (GM/T 0003.2 5.5)."""
        identity = (8 * len(DEFAULT_ID)).to_bytes(2, "big") + DEFAULT_ID
        return _sm3(_sm3(identity + _CURVE + self.point) + message)

    def encrypt(self, plaintext: bytes) -> bytes:
        """DER of C1 C3 C2. `plaintext`: 1 to MAX_WRAPPED bytes."""
        return bytes(gmssl_pyx.sm2_encrypt(self.point, plaintext))


@dataclass(frozen=True)
class Sm2PrivateKey:
    """`secret`: 32 bytes, big endian."""

    secret: bytes = field(repr=False)
    public_key: Sm2PublicKey

    @classmethod
    def generate(cls) -> Self:
        point, secret = gmssl_pyx.sm2_key_generate()
        return cls(secret, Sm2PublicKey(point))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """PKCS#8 in PEM with the public point inside, as OpenSSL writes it. Raises DecodeError."""
        found = _PEM.search(pem) if len(pem) <= MAX_PEM else None
        if found is None:
            raise DecodeError("no PKCS#8 private key in PEM")
        try:
            outer = asn1.decode_der(_Pkcs8, b64decode(found[1]))
            inner = asn1.decode_der(_EcPrivateKey, outer.key)
        except ValueError as error:
            raise DecodeError("not a PKCS#8 private key") from error
        algorithm = outer.algorithm
        if (algorithm.algorithm, algorithm.curve) != (oids.EC_PUBLIC_KEY, oids.SM2_CURVE) or inner.version != 1:
            raise DecodeError("not an SM2 key")
        if inner.point is None:
            raise DecodeError("the private key does not name its public point")
        key = cls(inner.secret, Sm2PublicKey.from_sec1(inner.point.as_bytes()))
        # A pair that does not belong together would sign what nobody can verify.
        try:
            key.public_key.verify(key.sign(b"pair"), b"pair")
        except (SignatureError, gmssl_pyx.GmsslInnerError) as error:
            raise DecodeError("private key and public point do not belong together") from error
        return key

    def pem(self) -> bytes:
        """PKCS#8 in PEM, unencrypted."""
        inner = _EcPrivateKey(
            version=1,
            secret=self.secret,
            parameters=oids.SM2_CURVE,
            point=asn1.BitString(self.public_key.sec1, 0),
        )
        algorithm = _Algorithm(algorithm=oids.EC_PUBLIC_KEY, curve=oids.SM2_CURVE)
        return pem_block("PRIVATE KEY", asn1.encode_der(_Pkcs8(version=0, algorithm=algorithm, key=_der(inner))))

    def sign(self, message: bytes) -> bytes:
        """DER of r and s. The nonce is the library's own randomness.

        The digest is ours: given the message, the library prepares for many signatures, at ten times the cost.
        """
        return bytes(gmssl_pyx.sm2_sign_sm3_digest(self.secret, self.public_key.digest(message)))

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Raises EnvelopeError."""
        try:
            parts = asn1.decode_der(_Ciphertext, ciphertext)
        except ValueError as error:
            raise EnvelopeError("not an SM2 ciphertext") from error
        inside = 0 <= parts.x < _P and 0 <= parts.y < _P and 1 <= len(parts.text) <= MAX_WRAPPED
        if not inside or not _on_curve(parts.x.to_bytes(32, "big") + parts.y.to_bytes(32, "big")):
            raise EnvelopeError("not an SM2 ciphertext")
        try:
            return bytes(gmssl_pyx.sm2_decrypt(self.secret, ciphertext))
        except gmssl_pyx.GmsslInnerError as error:
            raise EnvelopeError("the SM2 ciphertext does not open") from error


def pem_block(label: str, der: bytes) -> bytes:
    """RFC 7468 2."""
    text = b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def _der(value: object) -> bytes:
    return asn1.encode_der(value)


def _sm3(content: bytes) -> bytes:
    hasher = Hash(SM3())
    hasher.update(content)
    return hasher.finalize()


def _on_curve(point: bytes) -> bool:
    x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
    return x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0
