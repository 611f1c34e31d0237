"""Signed tokens (RFC 7519), verified against a provider's published keys and the clock we are given."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256, sha512
from typing import Any, Final

import jwt

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.fetch import Fetcher
from connectors.openid.encoding import b64url
from connectors.openid.registration import MAX_AGE, SKEW
from connectors.openid.remote_keys import RemoteKeys

# Time is judged by `_in_time`, against the clock we were given.
_OPTIONS: Final[Any] = {"require": ["iss", "aud", "iat"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}


class TokenReader:
    """Reads what `issuer` signs for `audience`."""

    def __init__(self, fetch: Fetcher, keys: RemoteKeys, *, issuer: str, audience: str) -> None:
        self._fetch = fetch
        self._keys = keys
        self.issuer = issuer
        self.audience = audience

    def read(
        self, token: str, *, at: datetime, typ: str | None = None, expires: bool = True, max_age: Any = MAX_AGE
    ) -> dict[str, Any]:
        """The claims. `typ`: the header must say so. `expires`: whether `exp` is required. `at`: our clock; theirs is
        judged by what is known of its offset. Raises ConnectorError.
        """
        at += self._fetch.offset
        # (1) header: type, algorithm, key (RFC 8725 3.1, 3.11)
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise self.error(ProviderFault.UNTRUSTED, f"a token is no JWS: {type(error).__name__}") from error
        if typ is not None and str(header.get("typ")).lower().removeprefix("application/") != typ:
            raise self.error(ProviderFault.UNTRUSTED, "a token is of another type")
        key = self._keys.find(header.get("kid"), header.get("alg"), at=at)
        # (2) signature, issuer, audience
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[header["alg"]], audience=self.audience, issuer=self.issuer, options=_OPTIONS
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise self.error(ProviderFault.UNTRUSTED, f"a token does not verify: {type(error).__name__}") from error
        # (3) time
        if expires and self.moment(claims, "exp") <= at - SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "a token has expired")
        if not at - max_age <= self.moment(claims, "iat") <= at + SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "a token was not made just now")
        # (4) subject
        if not isinstance(claims.get("sub"), str) or not 1 <= len(claims["sub"]) <= 255:
            raise self.error(ProviderFault.GARBLED, "sub is not a string of 1 to 255 characters")
        return claims

    def read_id_token(self, token: str, *, nonce: str, access_token: str, at: datetime) -> dict[str, Any]:
        """OpenID Connect Core 3.1.3.7. `at_hash` is optional there (3.1.3.6) and verified when present."""
        claims = self.read(token, at=at)
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self.audience:
            raise self.error(ProviderFault.UNTRUSTED, "a token for several audiences names another party (azp)")
        if claims.get("azp", self.audience) != self.audience:
            raise self.error(ProviderFault.UNTRUSTED, "the ID token was issued to another party (azp)")
        if not _same(claims.get("nonce"), nonce):
            raise self.error(ProviderFault.UNTRUSTED, "the ID token's nonce is not ours")
        if "at_hash" in claims and not _same(claims["at_hash"], _half_hash(token, access_token)):
            raise self.error(ProviderFault.UNTRUSTED, "the ID token's at_hash does not match the access token")
        return claims

    def moment(self, claims: dict[str, Any], name: str) -> datetime:
        """A NumericDate claim (RFC 7519 2). Raises ConnectorError."""
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(ProviderFault.GARBLED, f"{name} is not a number")
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise self.error(ProviderFault.GARBLED, f"{name} is no moment in time") from error

    def error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self._fetch.provider, fault, detail)


def amr_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """How the person authenticated (RFC 8176 values where they fit); what is not a short word is left out."""
    value = claims.get("amr")
    words = value if isinstance(value, list) else []
    return tuple(word for word in words if isinstance(word, str) and 1 <= len(word) <= 32 and word.isprintable())


def _half_hash(token: str, access_token: str) -> str:
    """The left half of the hash that goes with the token's algorithm; Ed25519's is SHA-512."""
    hashed = sha512 if jwt.get_unverified_header(token)["alg"] == "EdDSA" else sha256
    digest = hashed(access_token.encode()).digest()
    return b64url(digest[: len(digest) // 2])


def _same(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), wanted.encode())
