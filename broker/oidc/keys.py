"""The keys access tokens and ID tokens are signed with. PyJWT does the JOSE.

Keys change without a restart and without anybody noticing: the next key is published long before it signs, the former
one long after (specs/authorization-server.md 8).
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic as monotonic_seconds
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from joserfc.jwk import ECKey

from broker.oidc import jws

ALGORITHM: Final = "ES256"  # RFC 7518 3.4; every JWT library verifies it
_REREAD_SECONDS: Final = 5.0
_UNKNOWN_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)

PublicJwk = dict[str, str | list[str]]


@dataclass(frozen=True)
class TokenKey:
    """A P-256 key with the `kid` of its RFC 7638 thumbprint."""

    kid: str
    private_key: EllipticCurvePrivateKey
    public_key: EllipticCurvePublicKey
    jwk: PublicJwk

    @classmethod
    def of(cls, private_key: EllipticCurvePrivateKey) -> "TokenKey":
        """Raises ValueError for any other curve."""
        if not isinstance(private_key.curve, SECP256R1):
            raise ValueError("a token key lies on P-256")  # noqa: TRY004  the type is right, the curve is not
        public = private_key.public_key()
        jwk = jwk_of(public)
        return cls(str(jwk["kid"]), private_key, public, jwk)

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A compact JWS over `claims`."""
        headers = {"typ": typ, "kid": self.kid}
        return jwt.encode(dict(claims), self.private_key, algorithm=ALGORITHM, headers=headers)


@dataclass(frozen=True)
class KeyRing:
    """The keys of one moment. `published` are in the JWKS; `verifying` also holds those long retired, for ID token
    hints.
    """

    current: TokenKey
    verifying: Mapping[str, EllipticCurvePublicKey]
    published: Sequence[PublicJwk]

    @classmethod
    def of(
        cls,
        current: TokenKey,
        *,
        ahead: Sequence[EllipticCurvePublicKey] = (),
        retired: Sequence[EllipticCurvePublicKey] = (),
        former: Sequence[EllipticCurvePublicKey] = (),
    ) -> "KeyRing":
        """`ahead` will sign next, `retired` signed until lately, `former` are no longer published."""
        shown = [current.jwk, *(jwk_of(key) for key in (*ahead, *retired))]
        known = {str(jwk_of(key)["kid"]): key for key in (*former, *retired, *ahead)}
        return cls(current, {**known, current.kid: current.public_key}, shown)


class TokenKeys:
    """The ring, read again every few seconds, and at once for a `kid` it does not know."""

    def __init__(self, read: Callable[[], KeyRing], *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = Lock()
        self._ring = read()
        self._read_at = monotonic()

    @classmethod
    def fixed(cls, key: TokenKey) -> "TokenKeys":
        """One key that never changes."""
        ring = KeyRing.of(key)
        return cls(lambda: ring)

    @property
    def ring(self) -> KeyRing:
        self._reread(_REREAD_SECONDS)
        return self._ring

    @property
    def current(self) -> TokenKey:
        return self.ring.current

    def verified(self, token: str, *, typ: str, limit: int = 4096) -> dict[str, Any] | None:
        """The claims of a token of ours of that type (RFC 9068 4: other tokens under the same key must not pass), or
        None. Issuer, audience and time are the caller's to check.
        """
        try:
            parsed = jws.parse(token, limit=limit)
        except jws.MalformedJws:
            return None
        header = parsed.header
        key = self._key(str(header.get("kid")))
        if key is None or header.get("alg") != ALGORITHM or header.get("typ") != typ:
            return None
        return parsed.claims if jws.verifies(parsed, key, alg=ALGORITHM) else None

    def _key(self, kid: str) -> EllipticCurvePublicKey | None:
        key = self.ring.verifying.get(kid)
        if key is None:  # perhaps another worker signs with a newer one already
            self._reread(_UNKNOWN_SECONDS)
            key = self._ring.verifying.get(kid)
        return key

    def _reread(self, after: float) -> None:
        """Read the ring again when it was read that long ago. One thread does; the others go on with what there is."""
        now = self._monotonic()
        if now - self._read_at <= after or not self._lock.acquire(blocking=False):
            return
        try:
            self._ring = self._read()
        except Exception as error:  # noqa: BLE001  whatever it is, the keys in memory are still good
            _log.error("the token keys cannot be read again: %s", error)
        finally:
            self._read_at = now
            self._lock.release()


def jwk_of(key: EllipticCurvePublicKey) -> PublicJwk:
    """The public JWK with `kid`, `use` and `alg` (RFC 7517 4)."""
    numbers = key.public_numbers()
    public = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)})
    return {**public.as_dict(private=False), "kid": public.thumbprint(), "use": "sig", "alg": ALGORITHM}


def _coordinate(value: int) -> str:
    return urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
