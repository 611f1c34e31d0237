"""The keys access tokens and ID tokens are signed with. PyJWT does the JOSE.

Keys change without a restart and without anybody noticing: the next key is published long before it signs, the former
one long after (specs/authorization-server.md 8).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic as monotonic_seconds
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from joserfc.jwk import ECKey, RSAKey

from broker.oidc import jws

ALGORITHM: Final = "ES256"  # RFC 7518 3.4; every JWT library verifies it
RS256: Final = "RS256"  # RFC 7518 3.3; ID tokens of oidc_basic clients that register it (OpenID Connect Core 15.1)
_RSA_BITS: Final = 3072
_REREAD_SECONDS: Final = 5.0
_UNKNOWN_SECONDS: Final = 2.0
_MAX_VERIFIED: Final = 4096
_MAX_HINT: Final = 8192

ID_TOKEN_TYPE: Final = "JWT"  # noqa: S105  a type

_log: Final = logging.getLogger(__name__)

PublicJwk = dict[str, str | list[str]]
VerifyingKey = EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True)
class TokenKey:
    """A key with its one algorithm, and the `kid` of its RFC 7638 thumbprint."""

    kid: str
    alg: str
    private_key: EllipticCurvePrivateKey | RSAPrivateKey
    public_key: VerifyingKey
    jwk: PublicJwk

    @classmethod
    def of(cls, private_key: EllipticCurvePrivateKey | RSAPrivateKey) -> "TokenKey":
        """Raises ValueError for another curve than P-256, or less than 3072 bits of RSA."""
        if isinstance(private_key, RSAPrivateKey):
            if private_key.key_size < _RSA_BITS:
                raise ValueError(f"an RSA token key has at least {_RSA_BITS} bits")
        elif not isinstance(private_key.curve, SECP256R1):
            raise ValueError("a token key lies on P-256")  # noqa: TRY004  the type is right, the curve is not
        public = private_key.public_key()
        jwk = jwk_of(public)
        return cls(str(jwk["kid"]), str(jwk["alg"]), private_key, public, jwk)

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A compact JWS over `claims`."""
        headers = {"typ": typ, "kid": self.kid}
        return jwt.encode(dict(claims), self.private_key, algorithm=self.alg, headers=headers)


@dataclass(frozen=True)
class KeyRing:
    """The keys of one moment. `current` signs everything but what `rsa` was asked for. `published` are in the JWKS, and
    what they sign counts (`verifying`). `hinting` also holds those long retired: an ID token stays a good hint, but
    whoever gets hold of an old key makes nothing with it that opens anything.
    """

    current: TokenKey
    rsa: TokenKey | None
    verifying: Mapping[str, VerifyingKey]
    hinting: Mapping[str, VerifyingKey]
    published: Sequence[PublicJwk]

    @classmethod
    def of(
        cls,
        current: TokenKey,
        *,
        rsa: TokenKey | None = None,
        ahead: Sequence[VerifyingKey] = (),
        retired: Sequence[VerifyingKey] = (),
        former: Sequence[VerifyingKey] = (),
    ) -> "KeyRing":
        """`ahead` will sign next, `retired` signed until lately, `former` are no longer published."""
        signing = [current, *([rsa] if rsa is not None else [])]
        shown = [*(key.jwk for key in signing), *(jwk_of(key) for key in (*ahead, *retired))]
        known = {str(jwk_of(key)["kid"]): key for key in (*retired, *ahead)}
        verifying = known | {key.kid: key.public_key for key in signing}
        hinting = {str(jwk_of(key)["kid"]): key for key in former} | verifying
        return cls(current, rsa, verifying, hinting, shown)

    @property
    def id_token_algorithms(self) -> tuple[str, ...]:
        return (ALGORITHM,) if self.rsa is None else (ALGORITHM, RS256)

    def signer(self, alg: str | None) -> TokenKey:
        """The key for the algorithm that a client registered for its ID tokens (None: ours). Raises LookupError."""
        found = next(
            (key for key in (self.current, self.rsa) if key is not None and key.alg == (alg or ALGORITHM)), None
        )
        if found is None:
            raise LookupError(f"there is no token key for {alg}")
        return found


_Verified = tuple[str, VerifyingKey, dict[str, Any]]  # kid, key, claims
_Among = Callable[[KeyRing], Mapping[str, VerifyingKey]]


class TokenKeys:
    """The ring, read again every few seconds, and somewhat sooner for a `kid` it does not know."""

    def __init__(self, read: Callable[[], KeyRing], *, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = Lock()
        self._ring = read()
        self._read_at = monotonic()
        self._verified: dict[tuple[str, str], _Verified] = {}

    @classmethod
    def fixed(cls, key: TokenKey, *, rsa: TokenKey | None = None) -> "TokenKeys":
        """Keys that never change."""
        ring = KeyRing.of(key, rsa=rsa)
        return cls(lambda: ring)

    @property
    def ring(self) -> KeyRing:
        self._reread(_REREAD_SECONDS)
        return self._ring

    @property
    def current(self) -> TokenKey:
        return self.ring.current

    def verified_hint(self, token: str) -> dict[str, Any] | None:
        """The claims of an ID token of ours, however old, or None."""
        found = self._verify(token, typ=ID_TOKEN_TYPE, limit=_MAX_HINT, among=lambda ring: ring.hinting)
        return None if found is None else found[2]

    def verified(self, token: str, *, typ: str, limit: int = 4096) -> dict[str, Any] | None:
        """The claims of a token of ours of that type (RFC 9068 4: other tokens under the same key must not pass), or
        None. Issuer, audience and time are the caller's to check.

        A token comes again and again while it lives, so one that verified is remembered, with the key it did under.
        """
        ring = self.ring
        if (known := self._verified.get((typ, token))) is not None and ring.verifying.get(known[0]) is known[1]:
            return dict(known[2])
        found = self._verify(token, typ=typ, limit=limit, among=lambda ring: ring.verifying)
        if found is None:
            return None
        if len(self._verified) >= _MAX_VERIFIED:
            self._verified.clear()
        self._verified[typ, token] = found
        return dict(found[2])

    def _verify(self, token: str, *, typ: str, limit: int, among: "_Among") -> "_Verified | None":
        try:
            parsed = jws.parse(token, limit=limit)
        except jws.MalformedJws:
            return None
        header, kid = parsed.header, str(parsed.header.get("kid"))
        key = self._key(kid, among)
        if key is None or header.get("typ") != typ:
            return None
        alg = algorithm_of(key)  # the key's, never the header's
        good = header.get("alg") == alg and jws.verifies(parsed, key, alg=alg)
        return (kid, key, parsed.claims) if good else None

    def _key(self, kid: str, among: "_Among") -> VerifyingKey | None:
        key = among(self.ring).get(kid)
        if key is None:  # perhaps another worker signs with a newer one already
            self._reread(_UNKNOWN_SECONDS)
            key = among(self._ring).get(kid)
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


def algorithm_of(key: VerifyingKey) -> str:
    """Each kind of key has one algorithm here."""
    return RS256 if isinstance(key, RSAPublicKey) else ALGORITHM


def jwk_of(key: VerifyingKey) -> PublicJwk:
    """The public JWK with `kid`, `use` and `alg` (RFC 7517 4)."""
    public: ECKey | RSAKey
    if isinstance(key, RSAPublicKey):
        modulus = key.public_numbers()
        public = RSAKey.import_key({"kty": "RSA", "n": _integer(modulus.n), "e": _integer(modulus.e)})
    else:
        point = key.public_numbers()
        public = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": _coordinate(point.x), "y": _coordinate(point.y)})
    return {**public.as_dict(private=False), "kid": public.thumbprint(), "use": "sig", "alg": algorithm_of(key)}


def _integer(value: int) -> str:
    """Base64urlUInt (RFC 7518 2)."""
    return jws.b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _coordinate(value: int) -> str:
    return jws.b64url(value.to_bytes(32, "big"))
