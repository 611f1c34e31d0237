"""The travel pass: a CWT (RFC 8392) in a strict COSE_Sign1, small enough for a QR code (specs/travel-pass.md)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from broker.wire import cbor, cose
from broker.wire.errors import VerifyError
from broker.wire.fields import ZONE, Fields, seconds
from broker.wire.keys import Signer, cose_key_of_point
from broker.wire.reasons import Reason
from broker.wire.registry import CNF_COSE_KEY, Claim, CoseKey, Curve, KeyType, KeyUse
from broker.wire.trust_list import TrustList

SKEW = timedelta(seconds=5)
MAX_BYTES = 256
PASS_ID_BYTES = 16
COMMITMENT_BYTES = 16
STATUS_INDEX_LIMIT = 1 << 32


class PassMode(IntEnum):
    """Where the face template travels: released by the broker, or sealed into the code."""

    ONLINE = 0
    OFFLINE = 1


MAX_LIFETIME = {PassMode.ONLINE: timedelta(minutes=10), PassMode.OFFLINE: timedelta(hours=24)}


@dataclass(frozen=True, slots=True)
class PassClaims:
    """What a pass says. Times are aware UTC on whole seconds; `device_key` is a 33-byte compressed P-256 point.

    Construction refuses (ValueError) what `verify` would refuse, so nothing unusable is ever minted.
    """

    pass_id: bytes
    zone: str
    issued_at: datetime
    not_before: datetime
    expires_at: datetime
    device_key: bytes
    status_index: int
    commitment: bytes
    mode: PassMode

    def __post_init__(self) -> None:
        if len(self.pass_id) != PASS_ID_BYTES or len(self.commitment) != COMMITMENT_BYTES:
            raise ValueError("pass id and commitment are 16 bytes")
        if not ZONE.fullmatch(self.zone):
            raise ValueError("not a zone")
        if len(self.device_key) != 33 or self.device_key[0] not in (2, 3):
            raise ValueError("the device key is a compressed P-256 point")
        if not 0 <= self.status_index < STATUS_INDEX_LIMIT:
            raise ValueError("the status index has 32 bits")
        if not seconds(self.issued_at) <= seconds(self.not_before) < seconds(self.expires_at):
            raise ValueError("issued, then valid, then expired")
        if self.expires_at - self.issued_at > MAX_LIFETIME[self.mode]:
            raise ValueError("a lifetime beyond what its mode allows")


@dataclass(frozen=True, slots=True)
class TravelPass:
    """A verified pass. `hash` = SHA-256 of the COSE bytes, which the device proof signs.

    Spend, reserve and report by `claims.pass_id`, never by `hash`: ECDSA signatures can be altered and still verify.
    """

    claims: PassClaims
    kid: bytes
    hash: bytes


def mint(claims: PassClaims, signer: Signer) -> bytes:
    """Return the signed pass; ValueError when `signer` is not a pass key."""
    if signer.use is not KeyUse.PASS:
        raise ValueError("only a pass key signs passes")
    payload = {
        Claim.AUD: claims.zone,
        Claim.EXP: seconds(claims.expires_at),
        Claim.NBF: seconds(claims.not_before),
        Claim.IAT: seconds(claims.issued_at),
        Claim.CTI: claims.pass_id,
        Claim.CNF: {CNF_COSE_KEY: cose_key_of_point(claims.device_key)},
        Claim.STATUS_INDEX: claims.status_index,
        Claim.COMMITMENT: claims.commitment,
        Claim.MODE: claims.mode,
    }
    return cose.sign1(cbor.encode(payload), signer)


def verify(
    raw: bytes, trust_list: TrustList, *, at: datetime, expected_zone: str, skew: timedelta = SKEW
) -> TravelPass:
    """Return the pass when a listed pass key signed it, it is valid `at` that time and made for `expected_zone`.

    DecodeError: malformed_cbor, malformed_cose, malformed_claims.
    VerifyError: unknown_key, bad_signature, not_yet_valid, expired, wrong_zone.
    The steps are those of specs/travel-pass.md 3; status and device proof are judged apart.
    """
    # (1) Strict COSE_Sign1.
    message = cose.read_sign1(raw, max_bytes=MAX_BYTES)
    # (2) A key that the trust list knows as a pass key, now.
    key = trust_list.key(message.kid, KeyUse.PASS, at=at)
    # (3) Its algorithm, its signature. Claims are not looked at before this.
    payload = message.verify(key)
    # (4) The claims, all of them and no others.
    claims = _read(payload)
    # (5) Time: RFC 8392 3.1.4 to 3.1.6.
    if at < claims.not_before - skew:
        raise VerifyError(Reason.NOT_YET_VALID, "before nbf")
    if at >= claims.expires_at + skew:
        raise VerifyError(Reason.EXPIRED, "after exp")
    # (6) Audience: RFC 8392 3.1.3.
    if claims.zone != expected_zone:
        raise VerifyError(Reason.WRONG_ZONE, f"made for {claims.zone}")
    return TravelPass(claims, key.kid, hashlib.sha256(raw).digest())


def _read(payload: bytes) -> PassClaims:
    fields = Fields(cbor.decode(payload, max_bytes=MAX_BYTES))
    zone = fields.text(Claim.AUD, pattern=ZONE)
    expires_at, not_before = fields.second(Claim.EXP), fields.second(Claim.NBF)
    issued_at = fields.second(Claim.IAT)
    pass_id = fields.octets(Claim.CTI, size=PASS_ID_BYTES)
    device_key = _read_device_key(fields.take(Claim.CNF))
    status_index = fields.uint(Claim.STATUS_INDEX, most=STATUS_INDEX_LIMIT - 1)
    commitment = fields.octets(Claim.COMMITMENT, size=COMMITMENT_BYTES)
    mode = fields.uint(Claim.MODE, most=max(PassMode))
    fields.end()
    try:
        return PassClaims(
            pass_id,
            zone,
            issued_at,
            not_before,
            expires_at,
            device_key,
            status_index,
            commitment,
            PassMode(mode),
        )
    except ValueError as error:
        fields.refuse(str(error))


def _read_device_key(value: cbor.Value) -> bytes:
    confirmation = Fields(value)
    key = Fields(confirmation.take(CNF_COSE_KEY))
    confirmation.end()
    if (key.uint(CoseKey.KTY), key.uint(CoseKey.CRV)) != (KeyType.EC2, Curve.P256):
        key.refuse("the device key is not a P-256 key")
    x, odd = key.octets(CoseKey.X, size=32), key.flag(CoseKey.Y)
    key.end()
    return bytes((3 if odd else 2,)) + x
