"""Opens a packet: RFC 7516 7.2.1 general JSON serialization, ECDH-ES+A256KW on P-256 (RFC 7518 4.6), A256GCM.

Written on the primitives because the associated data must be the protected header's own text: joserfc 1.8 encodes the
parsed header anew, so a sender that writes its JSON with a space in it could not be read.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from connectors.openid.encoding import from_b64url

ALG: Final = "ECDH-ES+A256KW"
ENC: Final = "A256GCM"
TYPE: Final = "pacote+jwt"
MAX_RECIPIENTS: Final = 64

FindKey = Callable[[object], ec.EllipticCurvePrivateKey | None]


class EnvelopeError(Exception):
    """Not a packet of this format, or it was changed on its way."""


class NotForUs(EnvelopeError):
    """No entry is for a key we hold."""


def open_packet(sealed: bytes, find_key: FindKey) -> str:
    """The signed text inside. Raises EnvelopeError, and nothing else, for any bytes."""
    # (1) shape: exactly the members of this profile
    document = _json_object(sealed)
    if set(document) != {"protected", "recipients", "iv", "ciphertext", "tag"}:
        raise EnvelopeError("other members than those of the profile")
    protected, recipients = document["protected"], document["recipients"]
    if _json_object(_bytes(protected)) != {"enc": ENC, "cty": TYPE}:
        raise EnvelopeError("another protected header than the profile's")
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise EnvelopeError(f"recipients are not a list of 1 to {MAX_RECIPIENTS}")
    # (2) our entry: the first for a key we hold. Others' entries are none of our business.
    for entry in recipients:
        header = entry.get("header") if isinstance(entry, dict) else None
        if not isinstance(header, dict):
            raise EnvelopeError("a recipient without a header")
        key = find_key(header.get("kid"))
        if key is not None:
            content_key = _content_key(header, _bytes(entry.get("encrypted_key")), key)
            break
    else:
        raise NotForUs("no entry is for a key of ours")
    # (3) content: the associated data is the header's text as received (RFC 7516 5.2, step 15)
    iv, tag = _bytes(document["iv"]), _bytes(document["tag"])
    if len(iv) != 12 or len(tag) != 16 or len(content_key) != 32:
        raise EnvelopeError("iv, tag or key of another length")
    try:
        plain = AESGCM(content_key).decrypt(iv, _bytes(document["ciphertext"]) + tag, protected.encode("ascii"))
        return plain.decode("ascii")
    except (InvalidTag, UnicodeDecodeError) as error:
        raise EnvelopeError("the content does not decrypt") from error


def _content_key(header: dict[str, Any], wrapped: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """RFC 7518 4.6: agree with the entry's ephemeral key, derive the wrapping key, unwrap."""
    if header.get("alg") != ALG or not set(header) <= {"alg", "kid", "epk", "apu", "apv"}:
        raise EnvelopeError("an entry of another kind")
    derived = derive(
        key.exchange(ec.ECDH(), _public_key(header.get("epk"))),
        apu=_bytes(header.get("apu", "")),
        apv=_bytes(header.get("apv", "")),
    )
    try:
        return aes_key_unwrap(derived, wrapped)
    except (InvalidUnwrap, ValueError) as error:
        raise EnvelopeError("the content key does not unwrap") from error


def derive(shared: bytes, *, apu: bytes, apv: bytes) -> bytes:
    """RFC 7518 4.6.2: Concat KDF over SHA-256 for a 256-bit wrapping key."""
    parts = (ALG.encode(), apu, apv)
    other = b"".join(len(part).to_bytes(4, "big") + part for part in parts) + (256).to_bytes(4, "big")
    return ConcatKDFHash(SHA256(), 32, other).derive(shared)


def _public_key(jwk: object) -> ec.EllipticCurvePublicKey:
    """A P-256 point that lies on the curve: `cryptography` checks, or an attacker's point would tell our key."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise EnvelopeError("epk is no P-256 key")
    x, y = (_bytes(jwk.get(name)) for name in ("x", "y"))
    if len(x) != 32 or len(y) != 32:
        raise EnvelopeError("epk has coordinates of another length")
    try:
        return ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        ).public_key()
    except ValueError as error:
        raise EnvelopeError("epk is not on the curve") from error


def _bytes(text: object) -> bytes:
    try:
        return from_b64url(text)
    except ValueError as error:
        raise EnvelopeError("not base64url") from error


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError("not JSON") from error
    if not isinstance(value, dict):
        raise EnvelopeError("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 7516 4: a name twice is refused, so that nobody reads another value than we do."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found
