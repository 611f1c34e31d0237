"""One journal entry (specs/journal.md 2): what is clear, what is sealed, and the bytes that the tree hashes.

A leaf never holds personal data in the clear. They are sealed under a key derived for this entry from the traveller's
key, so destroying that key erases them and leaves every hash, hence the whole tree, as it was.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.wire import cbor
from broker.wire.errors import DecodeError
from broker.wire.fields import EPOCH
from broker.wire.reasons import Reason

HANDLE_BYTES: Final = 16
MAX_ENTRY_BYTES: Final = 16_384
TIME_UNIT: Final = 3600  # seconds: the clear time is the hour, the exact time belongs among the personal fields
_VERSION = 1
_DOMAIN = b"tongguan/journal-entry/v1"
_COMMITMENT_BYTES = 32
_BLOCK = 64  # the plaintext is padded to a multiple, so that its length says little
# who:what:happened, for example traveller:consent:granted
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}(:[a-z][a-z0-9-]{0,31}){2}")
# Zero nonce: the key is derived from this entry's random handle and encrypts nothing else.
_NONCE = bytes(12)


class EntrySealed(Exception):
    """The personal fields do not open under this key: another traveller's, or altered."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A decoded leaf. `hour` is in Unix seconds, a multiple of 3600; `sealed` is None without personal data."""

    handle: bytes
    kind: str
    hour: int
    clear: Mapping[str, cbor.Value]
    sealed: bytes | None

    def encode(self) -> bytes:
        """The leaf: deterministic CBOR [version, handle, kind, hour, clear, sealed]."""
        return _leaf(self._header(), self.sealed)

    def open(self, traveller_key: bytes) -> dict[str, cbor.Value]:
        """The personal fields. Raises EntrySealed; returns an empty map when the entry has none."""
        if self.sealed is None:
            return {}
        key, commitment = _derive(traveller_key, self.handle)
        try:
            # AES-GCM alone lets one ciphertext open under two keys; the commitment pins the one that sealed it.
            if not hmac.compare_digest(commitment, self.sealed[:_COMMITMENT_BYTES]):
                raise EntrySealed
            padded = AESGCM(key).decrypt(_NONCE, self.sealed[_COMMITMENT_BYTES:], _associated(self._header()))
            value = cbor.decode(padded.rpartition(b"\x80")[0])
        except (InvalidTag, DecodeError, ValueError) as error:
            raise EntrySealed from error
        if not isinstance(value, dict):
            raise EntrySealed
        return {str(name): field for name, field in value.items()}

    def _header(self) -> bytes:
        return _header(self.handle, self.kind, self.hour, self.clear)


def new_leaf(
    kind: str,
    *,
    clear: Mapping[str, cbor.Value],
    personal: Mapping[str, cbor.Value] | None,
    traveller_key: bytes | None,
    at: datetime,
    handle: bytes,
) -> bytes:
    """Make an entry, encoded. `handle` is 16 random bytes, never used before; `traveller_key` (32 bytes) seals
    `personal`.

    Raises ValueError for a kind outside the grammar, personal fields without a key, values CBOR does not carry, or more
    than MAX_ENTRY_BYTES: nobody could read that entry again, and the log never forgets one.
    """
    if _KIND.fullmatch(kind) is None:
        raise ValueError(f"{kind!r} does not read who:what:happened")
    if len(handle) != HANDLE_BYTES:
        raise ValueError(f"a handle has {HANDLE_BYTES} bytes")
    hour = int((at - EPOCH).total_seconds()) // TIME_UNIT * TIME_UNIT
    header = _header(handle, kind, hour, clear)
    sealed = None if personal is None else _sealed(personal, traveller_key, handle, header)
    leaf = _leaf(header, sealed)
    if len(leaf) > MAX_ENTRY_BYTES:
        raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(leaf)}")
    return leaf


def _sealed(personal: Mapping[str, cbor.Value], traveller_key: bytes | None, handle: bytes, header: bytes) -> bytes:
    if traveller_key is None or len(traveller_key) != 32:
        raise ValueError("personal fields need the traveller's key of 32 bytes")
    key, commitment = _derive(traveller_key, handle)
    plaintext = cbor.encode(dict(personal)) + b"\x80"  # ISO/IEC 7816-4 padding: one 0x80, then zeros
    plaintext += bytes(-len(plaintext) % _BLOCK)
    return commitment + AESGCM(key).encrypt(_NONCE, plaintext, _associated(header))


def _header(handle: bytes, kind: str, hour: int, clear: Mapping[str, cbor.Value]) -> bytes:
    """All elements but the sealed one, encoded once for the leaf and for what its seal is bound to."""
    return cbor.encode_elements([_VERSION, handle, kind, hour, dict(clear)])


def _associated(header: bytes) -> bytes:
    return _DOMAIN + cbor.array_head(5) + header


def _leaf(header: bytes, sealed: bytes | None) -> bytes:
    return cbor.array_head(6) + header + cbor.encode(sealed)


def decode_entry(raw: bytes) -> JournalEntry:
    """Read a leaf. Raises DecodeError, on anything else than what `encode` writes."""
    value = cbor.decode(raw, max_bytes=MAX_ENTRY_BYTES)
    match value:
        case [int(version), bytes(handle), str(kind), int(hour), dict(clear), None | bytes() as sealed] if (
            version == _VERSION
            and not isinstance(version, bool)
            and not isinstance(hour, bool)
            and len(handle) == HANDLE_BYTES
            and _KIND.fullmatch(kind)
            and hour % TIME_UNIT == 0
            and all(isinstance(name, str) for name in clear)
        ):
            # The decoder reads deterministic CBOR only, so these very bytes are what `encode` makes of it.
            return JournalEntry(handle, kind, hour, {str(name): item for name, item in clear.items()}, sealed)
    raise DecodeError(Reason.MALFORMED_CLAIMS, "not a journal entry")


def _derive(traveller_key: bytes, handle: bytes) -> tuple[bytes, bytes]:
    """(the AES-256 key of one entry, the commitment to it)."""
    derived = HKDF(SHA256(), length=64, salt=handle, info=_DOMAIN).derive(traveller_key)
    return derived[:32], derived[32:]
