"""Signed JWTs that others send us (RFC 7515, RFC 7519): parsed once, verified under one key, bounded in size.

PyJWT's algorithms do the cryptography. Reading a token once instead of twice (header first, then all of it) is what
the token endpoint can afford.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from broker.core.json_text import read_json

JSON = Any
Key = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_ALGORITHMS: Final = jwt.algorithms.get_default_algorithms()
_RSA_BITS: Final = (2048, 8192)
# RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2; each with the one kind of key it takes.
_KINDS: Final[dict[str, type]] = {
    "ES256": EllipticCurvePublicKey,
    "PS256": RSAPublicKey,
    "RS256": RSAPublicKey,  # our own ID tokens alone; no policy lets a client sign so
    "EdDSA": Ed25519PublicKey,
    "Ed25519": Ed25519PublicKey,
}
_IMPLEMENTED_BY: Final = {"Ed25519": "EdDSA"}


class MalformedJws(ValueError):
    """Not a compact JWS over a JSON object that we read."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A parsed token whose signature has not been looked at."""

    header: dict[str, JSON]
    claims: dict[str, JSON]
    signed: bytes
    signature: bytes


def parse(text: str, *, limit: int) -> Jws:
    """`limit` in characters. Raises MalformedJws, on anything; a critical header is unknown to us (RFC 7515 4.1.11)."""
    parts = _COMPACT.fullmatch(text) if len(text) <= limit else None
    if parts is None:
        raise MalformedJws("not a compact JWS of acceptable size")
    try:
        header, claims = (read_json(_decoded(part).decode()) for part in parts.groups()[:2])
        signature = _decoded(parts[3])
    except (ValueError, RecursionError) as error:
        raise MalformedJws("header or payload is not JSON") from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise MalformedJws("header and payload are JSON objects without critical members")
    return Jws(header, claims, text[: parts.end(2)].encode("ascii"), signature)


def verifies(token: Jws, key: Key, *, alg: str) -> bool:
    """Whether `key`, of the kind that `alg` takes, made the signature. `alg` comes from our policy, checked against
    the header by the caller.
    """
    if not isinstance(key, _KINDS[alg]):
        return False
    return bool(_ALGORITHMS[_IMPLEMENTED_BY.get(alg, alg)].verify(token.signed, key, token.signature))


def public_key(jwk: object) -> Key | None:
    """The key of a public JWK: P-256, Ed25519 or RSA of 2048 to 8192 bits; None for any other, or a private one."""
    if not isinstance(jwk, dict) or "d" in jwk:
        return None
    kind = (jwk.get("kty"), jwk.get("crv"))
    reader: Any
    if kind == ("EC", "P-256"):
        reader = jwt.algorithms.ECAlgorithm
    elif kind == ("OKP", "Ed25519"):
        reader = jwt.algorithms.OKPAlgorithm
    elif kind[0] == "RSA":
        reader = jwt.algorithms.RSAAlgorithm
    else:
        return None
    try:
        key = reader.from_jwk({name: value for name, value in jwk.items() if isinstance(value, str)})
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None
    if isinstance(key, RSAPublicKey):
        return key if _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1] else None
    if isinstance(key, EllipticCurvePublicKey):
        return key if isinstance(key.curve, SECP256R1) else None
    return key if isinstance(key, Ed25519PublicKey) else None


def b64url(raw: bytes) -> str:
    """base64url without padding (RFC 7515 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    """Raises ValueError, also where bits that mean nothing are set: a token has one spelling (RFC 4648 3.5)."""
    raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if b64url(raw) != part:
        raise ValueError("not the canonical base64url")
    return raw
