"""The journal's signed checkpoint (specs/journal.md 4): a C2SP tlog-checkpoint in a C2SP signed note.

tongguan/journal/<log id>      origin: the log's name, and the name of its key
1042                           number of entries
<base64 of the 32-byte root>   RFC 9162 2.1.1, SHA-256
time 1767225600                extension line: Unix seconds at signing

— <origin> <base64 of key hash (4 bytes) || Ed25519 signature (64 bytes)>
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from broker.wire.errors import DecodeError, VerifyError
from broker.wire.fields import MAX_SECONDS, seconds
from broker.wire.keys import PublicKey, Signer
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, KeyUse

MAX_NOTE_BYTES = 1024
_ED25519 = b"\x01"  # signature type of C2SP signed-note
_ORIGIN = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_NOTE = re.compile(
    r"(?P<body>(?P<origin>[A-Za-z0-9._/-]{1,200})\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"time (?P<time>[1-9][0-9]{0,11})\n)\n— (?P<name>[A-Za-z0-9._/-]{1,200}) (?P<signature>[A-Za-z0-9+/]{91}=)\n",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log had `size` entries with Merkle root `root` at `signed_at` (aware UTC, whole seconds)."""

    origin: str
    size: int
    root: bytes
    signed_at: datetime

    def __post_init__(self) -> None:
        if _ORIGIN.fullmatch(self.origin) is None or self.size < 0 or len(self.root) != 32:
            raise ValueError("not a checkpoint")
        seconds(self.signed_at)

    def body(self) -> str:
        """The signed text."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\ntime {seconds(self.signed_at)}\n"


class CheckpointSigner(Signer, Protocol):
    """A signer that can name its public key, as `LocalSigner` does; a note identifies its key by hashing it."""

    @property
    def public(self) -> PublicKey: ...


def sign(checkpoint: Checkpoint, signer: CheckpointSigner) -> str:
    """The signed note. Raises ValueError unless the signer's is an Ed25519 key for checkpoints."""
    if signer.use is not KeyUse.CHECKPOINT or signer.alg is not Alg.EDDSA:
        raise ValueError("checkpoints are signed by an Ed25519 key of that use")
    body = checkpoint.body()
    signature = key_hash(signer.public, checkpoint.origin) + signer.sign(body.encode())
    return f"{body}\n— {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def verify(note: str, keys: Iterable[PublicKey], *, expected_origin: str) -> Checkpoint:
    """The checkpoint, when one of `keys` signed it for the log `expected_origin`.

    Raises DecodeError on anything that is not such a note, VerifyError for another log, an unknown key or a bad
    signature.
    """
    found = _NOTE.fullmatch(note) if len(note) <= MAX_NOTE_BYTES else None
    if found is None or found["origin"] != found["name"] or int(found["time"]) > MAX_SECONDS:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a signed checkpoint")
    signature, root = _canonical(found["signature"]), _canonical(found["root"])
    if found["origin"] != expected_origin:
        raise VerifyError(Reason.UNKNOWN_KEY, "the checkpoint of another log")
    for key in keys:
        if key.use is KeyUse.CHECKPOINT and key.alg is Alg.EDDSA and key_hash(key, expected_origin) == signature[:4]:
            key.verify(signature[4:], found["body"].encode())
            moment = datetime.fromtimestamp(int(found["time"]), UTC)
            return Checkpoint(expected_origin, int(found["size"]), root, moment)
    raise VerifyError(Reason.UNKNOWN_KEY, "no key that is trusted for this log signed the checkpoint")


def key_hash(key: PublicKey, origin: str) -> bytes:
    """The 4 bytes by which a note names its key: SHA-256(name || 0x0A || type || key)."""
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + key.point).digest()[:4]


def verifier_key(key: PublicKey, origin: str) -> str:
    """The key as notes' tools write it: `<name>+<key hash in hex>+<base64 of type || key>`."""
    return f"{origin}+{key_hash(key, origin).hex()}+{base64.b64encode(_ED25519 + key.point).decode()}"


def parse_verifier_key(text: str) -> tuple[str, PublicKey]:
    """(origin, key) of `verifier_key`. Raises DecodeError."""
    try:
        # Base64 may hold "+", a name may not: the first two separate.
        origin, digest, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = PublicKey.of_point(Alg.EDDSA, KeyUse.CHECKPOINT, raw[1:])
    except (ValueError, binascii.Error):
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a verifier key") from None
    if raw[:1] != _ED25519 or key_hash(key, origin).hex() != digest or _ORIGIN.fullmatch(origin) is None:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a verifier key of this kind")
    return origin, key


def _canonical(text: str) -> bytes:
    """Base64 whose unused bits are zero, so that one value has one text."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "base64 with stray bits")
    return raw
