"""Where travellers' keys live, apart from what they seal."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class KeyStore(Protocol):
    """Keys that never sit in the database: 32 random bytes and the transform seeds of each subject. Not
    transactional.
    """

    def create(self, subject: UUID) -> None:
        """Make the subject's key; harmless when it exists. Raises when that subject's key was destroyed before."""

    def key(self, subject: UUID) -> bytes:
        """The 32-byte key; raises LookupError when there is none."""

    def seeds(self, subject: UUID) -> Sequence[bytes]:
        """The 16-byte transform seeds, in the engine's embedder order; raises LookupError when there is none."""

    def destroy(self, subject: UUID) -> None:
        """Destroy key and seeds beyond recovery; harmless when there is none."""
