"""Hybrid post-quantum HPKE (RFC 9180) to one recipient (specs/gate-api.md 5).

Suite: KEM ML-KEM-768 with X25519, HKDF-SHA256, AES-256-GCM. A face cannot be re-issued, so what is recorded today must
stay closed to the quantum computers of later. The library takes no associated data: `info` carries all the binding.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from broker.wire.errors import DecodeError, VerifyError
from broker.wire.reasons import Reason

MLKEM_BYTES = 1184
PUBLIC_BYTES = MLKEM_BYTES + 32
SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class RecipientKey:
    """A one-use private key. It lives in memory for one request and has no serialised form, so it cannot be kept."""

    __slots__ = ("_key", "_public")

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self._key = MLKEM768X25519PrivateKey(mlkem, x25519)
        self._public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> "RecipientKey":
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    def public_bytes(self) -> bytes:
        """Return the 1,216 public bytes: ML-KEM-768 (1,184), then X25519 (32)."""
        return self._public

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """Return the plaintext; VerifyError (template_unavailable) when it was not sealed to this key and `info`."""
        try:
            return SUITE.decrypt(ciphertext, self._key, info)
        except (InvalidTag, ValueError):
            raise VerifyError(Reason.TEMPLATE_UNAVAILABLE, "the answer does not open") from None


def seal(plaintext: bytes, public_bytes: bytes, info: bytes) -> bytes:
    """Seal to `public_bytes` (1,216 bytes), bound to `info`; DecodeError (malformed_claims) when that is no key."""
    try:
        return SUITE.encrypt(plaintext, _load(public_bytes), info)
    except ValueError:  # a point of low order, which leads to no shared key
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not an HPKE public key") from None


def _load(public_bytes: bytes) -> MLKEM768X25519PublicKey:
    if len(public_bytes) != PUBLIC_BYTES:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not an HPKE public key")
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_bytes[:MLKEM_BYTES]),
            X25519PublicKey.from_public_bytes(public_bytes[MLKEM_BYTES:]),
        )
    except ValueError:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not an HPKE public key") from None
