"""COSE_Sign1 and COSE_Encrypt0 (RFC 9052), in two profiles.

`Profile.STRICT` is what every Tongguan format uses: tagged, deterministic, nothing unprotected, `alg` and `kid` both
signed. `Profile.GENERAL` reads the messages of others as RFC 9052 allows them; no Tongguan format is read with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.wire import cbor
from broker.wire.cbor import Rules, Tagged, Value
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.keys import KID_BYTES, SIGNATURE_BYTES, PublicKey, Signer
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, ContentAlg, Header, Tag

Headers = Mapping[int | str, Value]
GCM_TAG_BYTES = 16
# Zero nonce: every content key here is derived afresh for one plaintext (specs/sealed-template.md 4).
ZERO_NONCE = bytes(12)


class Profile(Enum):
    """How much a reader demands of a message."""

    STRICT = "strict"
    GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed COSE_Sign1. Nothing in it is to be believed before `verify` returned."""

    protected_raw: bytes
    protected: Headers
    unprotected: Headers
    payload: bytes
    signature: bytes

    @property
    def kid(self) -> bytes:
        """Return the key id, signed or (general profile only) not; empty when there is none."""
        kid = self.protected.get(Header.KID, self.unprotected.get(Header.KID, b""))
        return kid if isinstance(kid, bytes) else b""

    def verify(self, key: PublicKey, *, external_aad: bytes = b"") -> bytes:
        """Return the payload once `key` verifies it; VerifyError (bad_signature) otherwise."""
        # (1) The key decides the algorithm; a message that names another one is refused (RFC 8725 3.1 in spirit).
        if self.protected.get(Header.ALG, self.unprotected.get(Header.ALG)) != key.alg:
            raise VerifyError(Reason.BAD_SIGNATURE, "alg is not the key's")
        # (2) RFC 9052 4.4: an empty protected map is signed as an empty string.
        key.verify(self.signature, signed_bytes(self.protected_raw, self.payload, external_aad))
        return self.payload


def signed_bytes(protected_raw: bytes, payload: bytes, external_aad: bytes = b"") -> bytes:
    """Return the Sig_structure of a COSE_Sign1 (RFC 9052 4.4)."""
    return cbor.encode(["Signature1", protected_raw, external_aad, payload])


def sign1(payload: bytes, signer: Signer, *, headers: Headers | None = None, external_aad: bytes = b"") -> bytes:
    """Return a strict-profile COSE_Sign1 by `signer`; `headers` are further protected parameters."""
    protected = cbor.encode({**(headers or {}), Header.ALG: signer.alg, Header.KID: signer.kid})
    signature = signer.sign(signed_bytes(protected, payload, external_aad))
    return cbor.encode(Tagged(Tag.SIGN1, [protected, {}, payload, signature]))


def read_sign1(
    raw: bytes, *, profile: Profile = Profile.STRICT, headers: Headers | None = None, max_bytes: int = cbor.MAX_BYTES
) -> Sign1:
    """Parse a COSE_Sign1; DecodeError (malformed_cbor, malformed_cose) otherwise.

    Strict: `headers` are exactly the protected parameters expected beside `alg` and `kid`.
    """
    strict = profile is Profile.STRICT
    rules = Rules.DETERMINISTIC if strict else Rules.WELL_FORMED
    message = cbor.decode(raw, max_bytes=max_bytes, rules=rules)
    match message:
        case Tagged(Tag.SIGN1, [bytes(protected_raw), dict(unprotected), bytes(payload), bytes(signature)]):
            pass
        case [bytes(protected_raw), dict(unprotected), bytes(payload), bytes(signature)] if not strict:
            pass  # COSE_Sign1 without its tag (RFC 9052 2)
        case _:
            _refuse("not a COSE_Sign1")
    protected = cbor.decode(protected_raw, rules=rules) if protected_raw else {}
    if not isinstance(protected, dict):
        _refuse("protected headers are not a map")
    if not strict:
        return _general(protected_raw, protected, unprotected, payload, signature)
    if unprotected:
        _refuse("unprotected headers")
    if len(signature) != SIGNATURE_BYTES:
        _refuse("a signature of the wrong length")
    alg, kid = protected.get(Header.ALG), protected.get(Header.KID)
    if not isinstance(alg, int) or alg not in _ALGS or not isinstance(kid, bytes) or len(kid) != KID_BYTES:
        _refuse("alg or kid is missing or foreign")
    if protected != {**(headers or {}), Header.ALG: alg, Header.KID: kid}:
        _refuse("protected headers other than those of this format")
    return Sign1(protected_raw, protected, unprotected, payload, signature)


_ALGS = frozenset(Alg)


def _general(protected_raw: bytes, protected: Headers, unprotected: Headers, payload: bytes, signature: bytes) -> Sign1:
    if protected.keys() & unprotected.keys():
        _refuse("a header parameter in both buckets")  # RFC 9052 3
    if Header.CRIT in protected or Header.CRIT in unprotected:
        _refuse("critical headers, none of which is understood here")  # RFC 9052 3.1
    # RFC 9052 4.4: a zero-length map is signed as a zero-length string, whichever way it was sent.
    return Sign1(protected_raw if protected else b"", protected, unprotected, payload, signature)


# --- COSE_Encrypt0 with A256GCM ------------------------------------------------------------------------------------


def encrypt0(plaintext: bytes, key: bytes, *, kid: bytes, external_aad: bytes = b"") -> bytes:
    """Return a COSE_Encrypt0 under a 32-byte `key` that encrypts this one plaintext and no other; the nonce is zero."""
    protected = cbor.encode({Header.ALG: ContentAlg.A256GCM, Header.KID: kid})
    aad = cbor.encode(["Encrypt0", protected, external_aad])
    return cbor.encode(Tagged(Tag.ENCRYPT0, [protected, {}, AESGCM(key).encrypt(ZERO_NONCE, plaintext, aad)]))


@dataclass(frozen=True, slots=True)
class Encrypt0:
    """A parsed COSE_Encrypt0 of our profile: A256GCM, nothing unprotected, nonce implicit."""

    protected_raw: bytes
    kid: bytes
    ciphertext: bytes

    def decrypt(self, key: bytes, *, external_aad: bytes = b"") -> bytes | None:
        """Return the plaintext, or None when `key` (32 bytes) does not authenticate the message."""
        aad = cbor.encode(["Encrypt0", self.protected_raw, external_aad])
        try:
            return AESGCM(key).decrypt(ZERO_NONCE, self.ciphertext, aad)
        except InvalidTag:
            return None


def read_encrypt0(raw: bytes, *, max_bytes: int = cbor.MAX_BYTES) -> Encrypt0:
    """Parse a COSE_Encrypt0 of our profile; DecodeError (malformed_cbor, malformed_cose) otherwise."""
    match cbor.decode(raw, max_bytes=max_bytes):
        case Tagged(Tag.ENCRYPT0, [bytes(protected_raw), dict(unprotected), bytes(ciphertext)]) if not unprotected:
            pass
        case _:
            _refuse("not a COSE_Encrypt0 of this profile")
    match cbor.decode(protected_raw):
        case {Header.ALG: int(ContentAlg.A256GCM), Header.KID: bytes(kid), **rest} if not rest:
            pass
        case _:
            _refuse("protected headers other than alg A256GCM and kid")
    if len(ciphertext) < GCM_TAG_BYTES:
        _refuse("a ciphertext shorter than its tag")
    return Encrypt0(protected_raw, kid, ciphertext)


def _refuse(detail: str) -> NoReturn:
    raise DecodeError(Reason.MALFORMED_COSE, detail)
