"""Members of staff: who they are, which key proves it, and what they sign to begin a session (specs/staff.md)."""

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from broker.core.denial import InvalidInput
from broker.core.jws import to_base64url
from broker.wire import cbor
from broker.wire.errors import DecodeError
from broker.wire.keys import LocalSigner, PublicKey
from broker.wire.registry import Alg, KeyUse

CHALLENGE_LIFETIME: Final = timedelta(seconds=60)
LINK_LIFETIME: Final = timedelta(seconds=60)
SESSION_LIFETIME: Final = timedelta(hours=8)
CHALLENGE_BYTES: Final = 32

_SIGN_IN_DOMAIN: Final = b"tongguan/staff-sign-in/v1\x00"
# Stands in the public part of the journal, so it should be no person's name.
_STAFF_ID: Final = re.compile(r"[a-z][a-z0-9-]{1,31}")
_MAX_NAME: Final = 80


class Role(StrEnum):
    """What a member of staff may do here; a member may have several."""

    OPERATOR = "operator"
    AUDITOR = "auditor"
    REGULATOR = "regulator"
    REVIEWER = "reviewer"


@dataclass(frozen=True, slots=True)
class Staff:
    """One member. `key` verifies what they sign; a suspension is final."""

    staff_id: str
    name: str
    roles: frozenset[Role]
    key: PublicKey
    added_at: datetime
    suspended_at: datetime | None = None

    @property
    def active(self) -> bool:
        return self.suspended_at is None

    def may(self, *roles: Role) -> bool:
        """Whether the member is active and has one of these roles."""
        return self.active and not self.roles.isdisjoint(roles)


def new_staff(staff_id: str, name: str, roles: Iterable[str], key: PublicKey, at: datetime) -> Staff:
    """A checked member. Raises InvalidInput."""
    if not is_staff_id(staff_id):
        raise InvalidInput("bad_staff_id", "a staff id has 2 to 32 of a-z, 0-9 and -, and begins with a letter")
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidInput("bad_name", f"a name has 1 to {_MAX_NAME} printable characters")
    try:
        held = frozenset(Role(role) for role in roles)
    except ValueError as error:
        raise InvalidInput("unknown_role", f"roles are {', '.join(Role)}") from error
    if not held:
        raise InvalidInput("no_role", "a member of staff has at least one role")
    return Staff(staff_id, name, held, key, at)


def is_staff_id(text: str) -> bool:
    return _STAFF_ID.fullmatch(text) is not None


def sign_in_statement(*, challenge: bytes, origin: str, staff_id: str, expires_at: datetime) -> bytes:
    """What the member signs: the tag and the deterministic CBOR of [challenge, origin, staff id, expiry in seconds].

    `origin` is where the member meant to sign in, so that a signature drawn by another site is good there alone.
    """
    return _SIGN_IN_DOMAIN + cbor.encode([challenge, origin, staff_id, int(expires_at.timestamp())])


def staff_key(jwk: Mapping[str, Any]) -> PublicKey:
    """A public JWK: P-256 (RFC 7518 6.2) or Ed25519 (RFC 8037 2). Raises InvalidInput, also when it holds a private
    part: such a key is known to others now.
    """
    if "d" in jwk:
        raise InvalidInput("private_key", "this is a private key: keep it, and register what `staff key` printed")
    return _public(jwk)


def staff_signer(jwk: Mapping[str, Any]) -> LocalSigner:
    """The member's private JWK, as it stands in their key file. Raises InvalidInput."""
    public = _public(jwk)
    try:
        signer = LocalSigner.from_private_bytes(_octets(jwk, "d"), KeyUse.STAFF, public.alg)
    except ValueError as error:
        raise _bad("d") from error
    if signer.public.point != public.point:
        raise InvalidInput("bad_key", "the two halves of the key do not belong together")
    return signer


def jwk_of(key: PublicKey) -> dict[str, str]:
    """The public JWK, required members only."""
    if key.alg is Alg.EDDSA:
        return {"kty": "OKP", "crv": "Ed25519", "x": to_base64url(key.point)}
    x, y = key.coordinates()
    return {"kty": "EC", "crv": "P-256", "x": to_base64url(x), "y": to_base64url(y)}


def private_jwk_of(signer: LocalSigner) -> dict[str, str]:
    """The JWK of a member's key file."""
    return {**jwk_of(signer.public), "d": to_base64url(signer.private_bytes())}


def _public(jwk: Mapping[str, Any]) -> PublicKey:
    kind = jwk.get("kty"), jwk.get("crv")
    try:
        if kind == ("OKP", "Ed25519"):
            return PublicKey.of_point(Alg.EDDSA, KeyUse.STAFF, _octets(jwk, "x"))
        if kind == ("EC", "P-256"):
            x, y = _octets(jwk, "x"), _octets(jwk, "y")
            key = PublicKey.of_point(Alg.ES256, KeyUse.STAFF, bytes((2 + (y[-1] & 1),)) + x)
            if key.coordinates() == (x, y):
                return key
    except DecodeError as error:
        raise InvalidInput("bad_key", "the key is no point of its curve") from error
    raise InvalidInput("bad_key", "staff keys are JWKs of P-256 or Ed25519")


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    """A member of 32 octets in its one encoding."""
    text = jwk.get(name)
    if not isinstance(text, str) or len(text) != 43:
        raise _bad(name)
    try:
        raw = b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (NotBase64, UnicodeEncodeError) as error:
        raise _bad(name) from error
    if len(raw) != 32 or urlsafe_b64encode(raw).rstrip(b"=") != text.encode():
        raise _bad(name)
    return raw


def _bad(name: str) -> InvalidInput:
    return InvalidInput("bad_key", f"`{name}` of the key is not 32 octets in base64url")
