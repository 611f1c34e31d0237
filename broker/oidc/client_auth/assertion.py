"""private_key_jwt (RFC 7521 4.2, RFC 7523 3, OpenID Connect Core 9; FAPI 2.0 Security Profile 5.3.2.1).

Every claim of the assertion is required, bounded or explicitly unread: iss and sub (1), aud (2), exp, nbf, iat (3),
jti (4). The caller uses the mark up, by unique insert, before anything is answered.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from broker.core.client import Client, Profile
from broker.oidc import jws
from broker.oidc.client_keys import ClientKeys, KeysUnavailable
from broker.oidc.ports import Mark

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("ES256", "PS256", "EdDSA")  # FAPI 2.0 Security Profile 5.4.1: no others, whatever the profile
_ACCEPTED: Final = (*ALGORITHMS, "Ed25519")  # RFC 9864's name for what EdDSA means here
_TYPES: Final = ("jwt", "client-authentication+jwt")
MAX_BYTES: Final = 4096
MAX_JTI: Final = 255
FUTURE: Final = timedelta(seconds=60)  # FAPI 2.0 Security Profile 5.3.2.1: 10 s must, more than 60 s must not pass
LIFETIME: Final = timedelta(hours=1)


class InvalidAssertion(Exception):
    """The text is for the operator; the client hears `invalid_client`."""


def issuer_of(assertion: str) -> str | None:
    """Whom an assertion claims to come from, before anything is verified."""
    try:
        subject = jws.parse(assertion, limit=MAX_BYTES).claims.get("sub")
    except jws.MalformedJws:
        return None
    return subject if isinstance(subject, str) else None


def check_assertion(
    assertion: str, client: Client, *, keys: ClientKeys, issuer: str, endpoint: str, at: datetime
) -> Mark:
    """The one-use mark of a valid assertion. Raises InvalidAssertion."""
    try:
        token = jws.parse(assertion, limit=MAX_BYTES)
    except jws.MalformedJws as error:
        raise InvalidAssertion(str(error)) from error
    typ = token.header.get("typ")
    if typ is not None and str(typ).lower() not in _TYPES:
        raise InvalidAssertion("typ is that of another kind of token")
    claims = token.claims
    # (1) made by the client about itself
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise InvalidAssertion("iss and sub are the client_id")
    # (2) for this server. FAPI 2.0: the issuer, as a string; else the endpoint's address and arrays too
    audience = claims.get("aud")
    if client.profile is Profile.OIDC_BASIC:
        named = audience if isinstance(audience, list) else [audience]
        if issuer not in named and endpoint not in named:
            raise InvalidAssertion("aud names neither issuer nor endpoint")
    elif audience != issuer:
        raise InvalidAssertion("aud is not the issuer as a string")
    # (3) now
    expires = _instant(claims.get("exp"))
    if expires is None or expires <= at or expires > at + LIFETIME + FUTURE:
        raise InvalidAssertion("exp is absent, past, or more than an hour away")
    for name in ("nbf", "iat"):
        if name in claims and ((begins := _instant(claims[name])) is None or begins > at + FUTURE):
            raise InvalidAssertion(f"{name} lies in the future")
    # (4) once
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI:
        raise InvalidAssertion("jti is required")
    # (5) signed with a key of the client, under an algorithm of its profile
    check_signature(token, client, keys=keys, at=at)
    return sha256(f"client-assertion\0{client.client_id}\0{jti}".encode()).digest(), expires


def check_signature(token: jws.Jws, client: Client, *, keys: ClientKeys, at: datetime) -> None:
    """Raises InvalidAssertion."""
    alg, kid = token.header.get("alg"), token.header.get("kid")
    if alg not in _ACCEPTED:
        raise InvalidAssertion("alg is not one of ours")
    try:
        candidates = keys.signing(client, kid=kid, alg=alg, at=at)
    except KeysUnavailable as error:
        raise InvalidAssertion(str(error)) from error
    if not any(jws.verifies(token, key, alg=alg) for key in candidates):
        raise InvalidAssertion("no key of the client verifies the signature")


def _instant(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
