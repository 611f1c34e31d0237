"""DPoP proofs (RFC 9449). Verification follows the twelve checks of clause 4.3 and carries their numbers.

The checks that need memory are the caller's: `proof_hash` goes into a durable unique insert before anything is
answered (11.1).
"""

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from broker.oidc import jws
from broker.oidc.errors import OAuthError

ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519")
MAX_PROOF_BYTES: Final = 4096
MAX_JTI: Final = 128
PAST: Final = timedelta(minutes=5)
"""How old a proof may be. Generous to slow phones: the server nonce, not the phone's clock, bounds pre-generation."""
FUTURE: Final = timedelta(minutes=1)
_MEMBERS: Final = {("EC", "P-256"): ("x", "y"), ("OKP", "Ed25519"): ("x",)}
_COORDINATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of 32 bytes
_NONCE_WINDOW: Final = 150  # seconds; a nonce is good for one window and the next, so 2.5 to 5 minutes


class InvalidProof(OAuthError):
    """`invalid_dpop_proof` (RFC 9449 5)."""

    def __init__(self, description: str) -> None:
        super().__init__("invalid_dpop_proof", description)


class NonceNeeded(OAuthError):
    """`use_dpop_nonce` (RFC 9449 8): try again with the nonce in the DPoP-Nonce header."""

    def __init__(self) -> None:
        super().__init__("use_dpop_nonce", "repeat the request with the nonce of the DPoP-Nonce header")


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof of possession."""

    jkt: str  # RFC 7638 thumbprint of the key
    proof_hash: bytes  # identifies this proof for the replay guard
    replayable_until: datetime

    @property
    def mark(self) -> tuple[bytes, datetime]:
        return self.proof_hash, self.replayable_until


@dataclass(frozen=True)
class Nonces:
    """Server nonces without state: a MAC over the time window, under a key every worker shares."""

    key: bytes

    def current(self, at: datetime) -> str:
        return _nonce(self.key, int(at.timestamp()) // _NONCE_WINDOW)

    def accepts(self, nonce: str, at: datetime) -> bool:
        window = int(at.timestamp()) // _NONCE_WINDOW
        candidates = [_nonce(self.key, window), _nonce(self.key, window - 1)]
        return any(hmac.compare_digest(nonce.encode(), candidate.encode()) for candidate in candidates)


@lru_cache(maxsize=8)
def _nonce(key: bytes, window: int) -> str:
    mac = hmac.digest(key, b"dpop-nonce\0" + window.to_bytes(8, "big"), "sha256")
    return jws.b64url(mac[:18])


def verify(
    headers: Sequence[str],
    *,
    method: str,
    url: str,
    at: datetime,
    nonces: Nonces,
    access_token: str | None = None,
) -> Proof:
    """Verify the DPoP header of one request. `url` is the public URL of the endpoint. Raises InvalidProof or
    NonceNeeded.
    """
    # (1) exactly one header field
    if not headers:
        raise InvalidProof("a DPoP proof is required")
    if len(headers) != 1 or len(headers[0]) > MAX_PROOF_BYTES:
        raise InvalidProof("send exactly one DPoP proof of at most 4096 bytes")
    # (2) one well-formed JWT
    try:
        token = jws.parse(headers[0], limit=MAX_PROOF_BYTES)
    except jws.MalformedJws as error:
        raise InvalidProof("the DPoP proof is not a JWT, or holds something critical") from error
    # (4) typ, (5) an asymmetric algorithm we support
    alg = token.header.get("alg")
    if token.header.get("typ") != "dpop+jwt" or alg not in ALGORITHMS:
        raise InvalidProof("typ must be dpop+jwt and alg one of " + ", ".join(ALGORITHMS))
    # (7) a public key only
    key, jkt = _public_key(token.header.get("jwk"))
    # (6) signed with that key
    if not jws.verifies(token, key, alg=alg):
        raise InvalidProof("the signature does not verify")
    claims = token.claims
    # (3) all required claims
    jti, htm, htu, iat = (claims.get(name) for name in ("jti", "htm", "htu", "iat"))
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI:
        raise InvalidProof("jti must be a string of 1 to 128 characters")
    # (8) the method, (9) the target without query and fragment
    if htm != method:
        raise InvalidProof("htm does not match the request's method")
    if not isinstance(htu, str) or _normal(htu) is None or _normal(htu) != _normal(url):
        raise InvalidProof("htu does not match the request's URL")
    # (11) made recently; before (10), so that a hopeless proof is told so at once
    issued_at = _instant(iat)
    if issued_at is None or not at - PAST <= issued_at <= at + FUTURE:
        raise InvalidProof("iat lies outside the accepted time")
    expires, begins = _instant(claims.get("exp", 2**33)), _instant(claims.get("nbf", 0))
    if expires is None or expires <= at or begins is None or begins > at + FUTURE:
        raise InvalidProof("exp or nbf lies outside the accepted time")
    # (10) our nonce
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not nonces.accepts(nonce, at):
        raise NonceNeeded
    # (12) with an access token: its hash. That the token is bound to this key is checked where the token is read.
    if access_token is not None and claims.get("ath") != jws.b64url(sha256(access_token.encode()).digest()):
        raise InvalidProof("ath does not match the access token")
    return Proof(jkt, sha256(f"{jkt}\0{jti}".encode()).digest(), issued_at + PAST)


def _public_key(jwk: object) -> tuple[jws.Key, str]:
    kind = (str(jwk.get("kty")), str(jwk.get("crv"))) if isinstance(jwk, dict) else ("", "")
    if not isinstance(jwk, dict) or kind not in _MEMBERS:
        raise InvalidProof("jwk must be a P-256 or Ed25519 public key")
    if "d" in jwk:
        raise InvalidProof("jwk must not contain a private key")
    members = tuple(jwk.get(name) for name in _MEMBERS[kind])
    if not all(isinstance(member, str) and _COORDINATE.fullmatch(member) for member in members):
        raise InvalidProof("jwk is not a valid key")
    found = _known_key(*kind, *members)
    if found is None:
        raise InvalidProof("jwk is not a valid key")
    return found


@lru_cache(maxsize=4096)
def _known_key(kty: str, crv: str, *coordinates: str) -> tuple[jws.Key, str] | None:
    """The key and its RFC 7638 thumbprint. A client proves the same key again and again."""
    jwk = {"kty": kty, "crv": crv, **dict(zip(_MEMBERS[kty, crv], coordinates, strict=True))}
    key = jws.public_key(jwk)
    if key is None:
        return None
    return key, jws.b64url(sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest())


@lru_cache(maxsize=4096)
def _normal(url: str) -> str | None:
    """Scheme and host in lower case, default port dropped, no query or fragment (RFC 9449 4.3, RFC 3986 6.2); None if
    not a URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None:
        return None
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    default = {"http": 80, "https": 443}.get(parts.scheme)
    netloc = host if port in (None, default) else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path or "/", "", ""))


def _instant(seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
