"""Status and trust lists as published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A signed status list as gates fetch it."""

    list_no: int
    version: int
    issued_at: datetime
    raw: bytes


class StatusRegister(Protocol):
    """Status indices, never given out twice, and the lists they are published in."""

    def space(self, until: datetime) -> int:
        """The newest list, to be published at least until that moment; made when there is none."""

    def next_space(self, full: int, until: datetime) -> int:
        """The list after a full one, likewise."""

    def revoke(self, indices: Iterable[int], at: datetime) -> None:
        """Set the bits; the first time stands."""

    def lock_list(self, list_no: int) -> PublishedList | None:
        """The last published state of a list, locked until the end of the work; None when never published."""

    def revoked_offsets(self, list_no: int) -> Sequence[int]:
        """Offsets of the revoked indices in a list, as last committed plus this work's own."""

    def publish(self, published: PublishedList) -> None:
        """Replace a locked list by its next version."""

    def published(self, list_no: int) -> PublishedList | None:
        """The list as it is to be served."""

    def in_use(self, at: datetime) -> Sequence[int]:
        """Numbers of lists that an unexpired pass may point into, ascending, at least one."""


@dataclass(frozen=True, slots=True)
class PublishedTrustList:
    """A signed trust list as gates fetch it. `keys_digest` says over which keys it was made."""

    version: int
    issued_at: datetime
    expires_at: datetime
    keys_digest: bytes
    raw: bytes


class TrustListShelf(Protocol):
    """The trust lists signed so far."""

    def latest(self, *, lock: bool = False) -> PublishedTrustList | None:
        """The newest; with `lock`, nobody else publishes until the end of the work."""

    def publish(self, published: PublishedTrustList) -> None:
        """Add the next version."""
