"""The append-only journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from broker.core.departure import Departure
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry to be: `clear` is public, `personal` is encrypted under a key derived from the traveller's.

    `departure`: the decision that it states; a journal takes it by `stated`.
    """

    kind: str
    clear: Mapping[str, Any]
    personal: Mapping[str, Any] | None = None
    traveller: UUID | None = None
    traveller_key: bytes | None = None
    departure: Departure | None = None

    def stated(self) -> Mapping[str, Any]:
        """`clear` with the decision in it, which counts as journalled from now on."""
        if self.departure is None:
            return self.clear
        self.departure.journalled()
        return {**self.clear, **self.departure.entry()}


@dataclass(frozen=True, slots=True)
class JournalledUse:
    """An entry as its traveller may read it."""

    leaf_hash: bytes
    kind: str
    at: datetime
    clear: Mapping[str, Any]
    personal: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Entry `position` is in the tree that `checkpoint` (a signed note) describes; `path` as in RFC 9162 2.1.3."""

    position: int
    size: int
    path: tuple[bytes, ...]
    checkpoint: str


class Journal(Protocol):
    """The append-only log, within the transaction of the work."""

    def append(self, entry: Entry, *, at: datetime, entropy: Entropy) -> bytes:
        """Enter it; returns the 32-byte leaf hash."""

    def append_all(self, entries: Sequence[Entry], *, at: datetime, entropy: Entropy) -> Sequence[bytes]:
        """Enter all in order, in few statements; returns their leaf hashes."""

    def proof(self, leaf: bytes) -> InclusionProof | None:
        """That the entry with this leaf hash is under the newest checkpoint; None while it has no place, or is none."""

    def latest_checkpoint(self) -> str | None:
        """The newest signed note, None before the first."""

    def of_traveller(
        self, traveller: UUID, *, key: bytes, limit: int, before: datetime | None
    ) -> Sequence[JournalledUse]:
        """A person's entries, newest first, opened with their key."""

    def forget(self, traveller: UUID) -> None:
        """Delete what leads from a person to their entries. The entries stay; their personal part dies with the key."""
