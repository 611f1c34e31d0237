"""The status list: one bit a pass, fetched whole (Token Status List as a CWT; specs/status-list.md)."""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.wire import cbor, cose
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.fields import Fields, seconds
from broker.wire.keys import Entropy, Signer
from broker.wire.reasons import Reason
from broker.wire.registry import Claim, Header, KeyUse
from broker.wire.travel_pass import SKEW, TravelPass
from broker.wire.trust_list import TrustList

TYP = "application/statuslist+cwt"
LIST_BITS = 1 << 20
LIST_BYTES = LIST_BITS // 8
MAX_LIST_NO = (1 << 32) // LIST_BITS - 1
TTL = timedelta(seconds=300)
HARD_BOUND = timedelta(seconds=3600)
# The length of a list must not tell how many passes were revoked.
PAD_TO = 16 * 1024
MAX_BYTES = 1 << 20
_HEADERS: cose.Headers = {Header.TYP: TYP}
_SUBJECT = re.compile(r"urn:tongguan:status:(0|[1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class StatusList:
    """`bits`: 131,072 bytes, bit i of byte j is offset 8 j + i (least significant first); 1 = revoked."""

    list_no: int
    version: int
    issued_at: datetime
    expires_at: datetime
    bits: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.list_no <= MAX_LIST_NO or self.version < 1 or len(self.bits) != LIST_BYTES:
            raise ValueError("a list number, a version from 1, and 2^20 bits")
        if seconds(self.issued_at) >= seconds(self.expires_at):
            raise ValueError("a list has a lifetime")

    def status(self, index: int) -> bool:
        """Return whether the pass of that index is revoked; ValueError when the index is another list's."""
        list_no, offset = divmod(index, LIST_BITS)
        if list_no != self.list_no:
            raise ValueError(f"index {index} belongs to list {list_no}")
        return bool(self.bits[offset >> 3] >> (offset & 7) & 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pass counts as not revoked: the version of the list that says so, or None when its own issuance does."""

    list_version: int | None


def draw_indices(list_no: int, count: int, entropy: Entropy) -> frozenset[int]:
    """Random indices of one list, `count` of them or, where a draw repeats itself, fewer."""
    return frozenset(list_no * LIST_BITS + int.from_bytes(entropy(4), "big") % LIST_BITS for _ in range(count))


def bits_of(revoked: Iterable[int]) -> bytes:
    """Return the bits of a list with these offsets (0 to 2^20 - 1) revoked."""
    bits = bytearray(LIST_BYTES)
    for offset in revoked:
        bits[offset >> 3] |= 1 << (offset & 7)
    return bytes(bits)


def sign(status_list: StatusList, signer: Signer) -> bytes:
    """Return the signed list, padded to a multiple of 16 KiB; ValueError when `signer` is not a status key."""
    if signer.use is not KeyUse.STATUS:
        raise ValueError("only a status key signs status lists")
    claims = {
        Claim.SUB: f"urn:tongguan:status:{status_list.list_no}",
        Claim.EXP: seconds(status_list.expires_at),
        Claim.IAT: seconds(status_list.issued_at),
        Claim.STATUS_LIST: {"bits": 1, "lst": zlib.compress(status_list.bits, 9)},
        Claim.TTL: int(TTL.total_seconds()),
        Claim.VERSION: status_list.version,
    }
    # Length heads grow with what they count, so the padding is corrected once against the size it led to. From 256
    # bytes its own head stays three bytes long, and past the correction the payload's head no longer changes.
    padding = 256
    for _ in range(3):
        raw = cose.sign1(cbor.encode({**claims, Claim.PADDING: bytes(padding)}), signer, headers=_HEADERS)
        if len(raw) % PAD_TO == 0:
            break
        padding += -len(raw) % PAD_TO
    return raw


def verify(raw: bytes, trust_list: TrustList, *, at: datetime, highest_seen: int = 0) -> StatusList:
    """Return the list when a listed status key signed it and no newer version was seen before.

    An old list is returned all the same, because the revocations in it still bind; `judge` weighs its age.
    DecodeError: malformed. VerifyError: unknown_key, bad_signature, list_rolled_back.
    """
    # (1) A key that the trust list knows as a status key, now.
    message = cose.read_sign1(raw, headers=_HEADERS, max_bytes=MAX_BYTES)
    payload = message.verify(trust_list.key(message.kid, KeyUse.STATUS, at=at))
    status_list = _read(payload)
    # (2) Never older than what this gate already held.
    if status_list.version < highest_seen:
        raise VerifyError(Reason.LIST_ROLLED_BACK, f"version {status_list.version} after {highest_seen}")
    return status_list


def judge(status_list: StatusList | None, travel_pass: TravelPass, *, at: datetime) -> Verdict:
    """Return why the pass counts as good; VerifyError (revoked, status_unknown) otherwise.

    (1) A known revocation binds, however old the list. (2) A list within the hard bound that does not revoke it clears
    it. (3) So does a pass issued within the bound: minting checked consent and revocation. (4) Else nobody knows.
    """
    claims = travel_pass.claims
    ours = status_list is not None and claims.status_index // LIST_BITS == status_list.list_no
    if status_list is not None and ours:
        if status_list.status(claims.status_index):
            raise VerifyError(Reason.REVOKED, f"by version {status_list.version}")
        if -SKEW <= at - status_list.issued_at <= HARD_BOUND:
            return Verdict(status_list.version)
    if at - claims.issued_at <= HARD_BOUND:
        return Verdict(None)
    raise VerifyError(Reason.STATUS_UNKNOWN, "neither the pass nor a list of its kind is recent")


def _read(payload: bytes) -> StatusList:
    fields = Fields(cbor.decode(payload, max_bytes=MAX_BYTES))
    subject = _SUBJECT.fullmatch(fields.text(Claim.SUB, pattern=_SUBJECT))
    issued_at, expires_at = fields.second(Claim.IAT), fields.second(Claim.EXP)
    fields.uint(Claim.TTL, most=86400)
    version = fields.uint(Claim.VERSION)
    fields.octets(Claim.PADDING, most=2 * PAD_TO)
    inner = Fields(fields.take(Claim.STATUS_LIST))
    fields.end()
    width, compressed = inner.uint("bits", most=8), inner.octets("lst")
    inner.end()
    if width != 1 or subject is None:
        fields.refuse("not one bit a pass")
    try:
        return StatusList(int(subject[1]), version, issued_at, expires_at, _inflate(compressed))
    except ValueError as error:
        fields.refuse(str(error))


def _inflate(compressed: bytes) -> bytes:
    """Return the bits; never produces more than one byte beyond their length, whatever the input claims."""
    inflater = zlib.decompressobj()
    try:
        bits = inflater.decompress(compressed, LIST_BYTES + 1)
    except zlib.error:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "the list is not zlib data") from None
    if len(bits) != LIST_BYTES or not inflater.eof or inflater.unused_data:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "the list is not 2^20 bits")
    return bits
