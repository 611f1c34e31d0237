"""The face template, how a pass commits to it, and how it is sealed into a code (specs/sealed-template.md)."""

import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.wire import cbor, cose
from broker.wire.cbor import Value
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.fields import NAME
from broker.wire.reasons import Reason
from broker.wire.travel_pass import COMMITMENT_BYTES, PASS_ID_BYTES

SALT_BYTES = 16
SEED_BYTES = 16
SECRET_BYTES = 32
EPOCH_BYTES = 4
MAX_VECTOR = 1024
MAX_PARTS = 4
MAX_BYTES = 8192
KEY_DOMAIN = b"tongguan/qr-template/v1\0"


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """One embedder's protected vector: int8 components, one byte each."""

    embedder: str
    vector: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.embedder) or not 1 <= len(self.vector) <= MAX_VECTOR:
            raise ValueError("an embedder's name and its vector")


@dataclass(frozen=True, slots=True)
class FaceTemplate:
    """The parts of one face, one per embedder, in the engine's order."""

    parts: tuple[TemplatePart, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.parts) <= MAX_PARTS or len({part.embedder for part in self.parts}) != len(self.parts):
            raise ValueError("one to four parts, each of another embedder")

    def encode(self) -> bytes:
        return cbor.encode(self._value())

    @classmethod
    def decode(cls, raw: bytes) -> "FaceTemplate":
        """Read the encoding; DecodeError (malformed_cbor, malformed_claims) otherwise."""
        return cls._read(cbor.decode(raw, max_bytes=MAX_BYTES))

    def _value(self) -> Value:
        return [[part.embedder, part.vector] for part in self.parts]

    @classmethod
    def _read(cls, value: Value) -> "FaceTemplate":
        parts = []
        for entry in value if isinstance(value, list) else ():
            match entry:
                case [str(embedder), bytes(vector)]:
                    parts.append((embedder, vector))
                case _:
                    raise DecodeError(Reason.MALFORMED_CLAIMS, "a part is an embedder and a vector")
        try:
            return cls(tuple(TemplatePart(embedder, vector) for embedder, vector in parts))
        except ValueError as error:
            raise DecodeError(Reason.MALFORMED_CLAIMS, str(error)) from None


@dataclass(frozen=True, slots=True)
class TemplatePayload:
    """What a gate needs to compare: `template`, the `seeds` of its transform (one a part) and the commitment's `salt`.

    It exists in the clear only between unsealing and the comparison.
    """

    salt: bytes = field(repr=False)
    template: FaceTemplate
    seeds: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_BYTES or any(len(seed) != SEED_BYTES for seed in self.seeds):
            raise ValueError("salt and seeds are 16 bytes")
        if len(self.seeds) != len(self.template.parts):
            raise ValueError("one seed a part")

    def encode(self) -> bytes:
        return cbor.encode([self.salt, self.template._value(), list(self.seeds)])

    @classmethod
    def decode(cls, raw: bytes) -> "TemplatePayload":
        """Read the encoding; DecodeError (malformed_cbor, malformed_claims) otherwise."""
        match cbor.decode(raw, max_bytes=MAX_BYTES):
            case [bytes(salt), list(template), list(seeds)] if all(isinstance(seed, bytes) for seed in seeds):
                pass
            case _:
                raise DecodeError(Reason.MALFORMED_CLAIMS, "not salt, template and seeds")
        face = FaceTemplate._read(template)
        try:
            return cls(salt, face, tuple(seeds))
        except ValueError as error:
            raise DecodeError(Reason.MALFORMED_CLAIMS, str(error)) from None


def commitment(salt: bytes, template_bytes: bytes) -> bytes:
    """Return what the pass carries: SHA-256(salt || encoded template), cut to 16 bytes."""
    return hashlib.sha256(salt + template_bytes).digest()[:COMMITMENT_BYTES]


def check_commitment(payload: TemplatePayload, expected: bytes) -> None:
    """Return when `payload` is the template the pass committed to; VerifyError (commitment_mismatch) otherwise."""
    if not hmac.compare_digest(commitment(payload.salt, payload.template.encode()), expected):
        raise VerifyError(Reason.COMMITMENT_MISMATCH, "another template than the pass's")


def seal_for_qr(payload: TemplatePayload, *, epoch_secret: bytes, epoch: int, pass_id: bytes) -> bytes:
    """Seal `payload` for the gates that hold the zone's 32-byte `epoch_secret`; `epoch` is the UTC day number.

    The key comes from pass id and commitment, hence from the random salt: another plaintext means another key.
    """
    key = _key(epoch_secret, pass_id, commitment(payload.salt, payload.template.encode()))
    return cose.encrypt0(payload.encode(), key, kid=epoch.to_bytes(EPOCH_BYTES, "big"))


def epoch_of(sealed: bytes) -> int:
    """Return the epoch whose secret opens `sealed`; DecodeError when it is not a sealed template."""
    return int.from_bytes(_read_sealed(sealed).kid, "big")


def open_from_qr(sealed: bytes, *, epoch_secret: bytes, pass_id: bytes, expected_commitment: bytes) -> TemplatePayload:
    """Open a sealed template that the verified pass of `pass_id` committed to.

    DecodeError: malformed. VerifyError (commitment_mismatch): sealed for another pass, or not by the broker.
    """
    plaintext = _read_sealed(sealed).decrypt(_key(epoch_secret, pass_id, expected_commitment))
    if plaintext is None:
        raise VerifyError(Reason.COMMITMENT_MISMATCH, "not sealed for this pass")
    payload = TemplatePayload.decode(plaintext)
    check_commitment(payload, expected_commitment)
    return payload


def _read_sealed(sealed: bytes) -> cose.Encrypt0:
    message = cose.read_encrypt0(sealed, max_bytes=MAX_BYTES)
    if len(message.kid) != EPOCH_BYTES:
        raise DecodeError(Reason.MALFORMED_COSE, "kid is not an epoch")
    return message


def _key(epoch_secret: bytes, pass_id: bytes, expected_commitment: bytes) -> bytes:
    if len(epoch_secret) != SECRET_BYTES or len(pass_id) != PASS_ID_BYTES:
        raise ValueError("an epoch secret is 32 bytes, a pass id 16")
    info = KEY_DOMAIN + pass_id + expected_commitment
    return HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(epoch_secret)
