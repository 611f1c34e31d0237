"""The trust list: which keys sign what, signed by the offline root (specs/trust-list.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.wire import cbor, cose
from broker.wire.errors import VerifyError
from broker.wire.fields import Fields, seconds
from broker.wire.keys import PublicKey, Signer
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, Claim, Header, KeyUse

TYP = "application/tongguan-trust-list+cwt"
MAX_BYTES = 64 * 1024
SKEW = timedelta(seconds=5)
_HEADERS: cose.Headers = {Header.TYP: TYP}
# Entries of one key, in a map of their own (specs/trust-list.md 2).
_ALG, _USE, _POINT, _FROM, _UNTIL = range(1, 6)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key and the half-open interval [valid_from, valid_until) in which a signature is read with it."""

    public: PublicKey
    valid_from: datetime
    valid_until: datetime

    def __post_init__(self) -> None:
        if seconds(self.valid_from) >= seconds(self.valid_until):
            raise ValueError("a key is valid for some time")
        if self.public.use is KeyUse.ROOT:
            raise ValueError("the root is pinned, never listed")


@dataclass(frozen=True, slots=True)
class TrustList:
    """Every key a gate believes. Read one with `verify`; make one to sign it."""

    version: int
    issued_at: datetime
    expires_at: datetime
    keys: tuple[TrustedKey, ...]

    def __post_init__(self) -> None:
        if self.version < 1 or seconds(self.issued_at) >= seconds(self.expires_at):
            raise ValueError("a version from 1 and a lifetime")
        if len({(key.public.kid, key.public.use) for key in self.keys}) != len(self.keys):
            raise ValueError("a key is listed once")

    def key(self, kid: bytes, use: KeyUse, *, at: datetime) -> PublicKey:
        """Return the key of that id and use; VerifyError (unknown_key) when none is valid `at` that time."""
        if at >= self.expires_at:
            raise VerifyError(Reason.UNKNOWN_KEY, "the trust list has expired")
        for key in self.keys:
            if key.public.kid == kid and key.public.use is use and key.valid_from - SKEW <= at < key.valid_until:
                return key.public
        raise VerifyError(Reason.UNKNOWN_KEY, f"no {use.value} key {kid.hex()}")


def sign(trust_list: TrustList, root: Signer) -> bytes:
    """Return the signed list; ValueError when `root` is not a root key."""
    if root.use is not KeyUse.ROOT:
        raise ValueError("only a root key signs the trust list")
    claims = {
        Claim.EXP: seconds(trust_list.expires_at),
        Claim.IAT: seconds(trust_list.issued_at),
        Claim.VERSION: trust_list.version,
        Claim.KEYS: [
            {
                _ALG: key.public.alg,
                _USE: key.public.use.value,
                _POINT: key.public.point,
                _FROM: seconds(key.valid_from),
                _UNTIL: seconds(key.valid_until),
            }
            for key in trust_list.keys
        ],
    }
    return cose.sign1(cbor.encode(claims), root, headers=_HEADERS)


def verify(raw: bytes, root: PublicKey, *, at: datetime, highest_seen: int = 0) -> TrustList:
    """Return the list when the pinned `root` signed it, it is current and no newer one was seen before.

    DecodeError: malformed. VerifyError: unknown_key, bad_signature, not_yet_valid, expired, list_rolled_back.
    """
    # (1) The pinned root, and only it.
    message = cose.read_sign1(raw, headers=_HEADERS, max_bytes=MAX_BYTES)
    if root.use is not KeyUse.ROOT or message.kid != root.kid:
        raise VerifyError(Reason.UNKNOWN_KEY, "not signed by the pinned root")
    payload = message.verify(root)
    trust_list = _read(payload)
    # (2) Never older than what this gate already believed.
    if trust_list.version < highest_seen:
        raise VerifyError(Reason.LIST_ROLLED_BACK, f"version {trust_list.version} after {highest_seen}")
    # (3) Current.
    if trust_list.issued_at > at + SKEW:
        raise VerifyError(Reason.NOT_YET_VALID, "the trust list comes from the future")
    if at >= trust_list.expires_at:
        raise VerifyError(Reason.EXPIRED, "the trust list has expired")
    return trust_list


def _read(payload: bytes) -> TrustList:
    fields = Fields(cbor.decode(payload, max_bytes=MAX_BYTES))
    version = fields.uint(Claim.VERSION)
    issued_at, expires_at = fields.second(Claim.IAT), fields.second(Claim.EXP)
    entries = fields.array(Claim.KEYS, most=1000)
    fields.end()
    try:
        return TrustList(version, issued_at, expires_at, tuple(_read_key(entry) for entry in entries))
    except ValueError as error:
        fields.refuse(str(error))


def _read_key(entry: cbor.Value) -> TrustedKey:
    fields = Fields(entry)
    alg, use = fields.take(_ALG), fields.text(_USE)
    if not isinstance(alg, int):
        fields.refuse("alg is not an integer")
    point = fields.octets(_POINT, most=33)
    valid_from, valid_until = fields.second(_FROM), fields.second(_UNTIL)
    fields.end()
    return TrustedKey(PublicKey.of_point(Alg(alg), KeyUse(use), point), valid_from, valid_until)
