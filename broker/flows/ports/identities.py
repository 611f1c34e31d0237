"""Where it is kept which identities are whose, what waits to be linked, and what providers gave us to act with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.linking import DocumentDigest, HeldIdentity, IdentityLink


class IdentityLinks(Protocol):
    """Links between identities and travellers, and the documents that make two identities one person's."""

    def find(self, digest: bytes) -> IdentityLink | None:
        """Whose identity it is."""

    def queue(self, digests: Sequence[bytes]) -> None:
        """Wait for every other work that queued for any of these, until the end of this one. Once in a work, before
        anything is locked.
        """

    def of(self, traveller: UUID) -> Sequence[IdentityLink]:
        """A person's links, oldest first."""

    def add(self, link: IdentityLink) -> bool:
        """Unique insert; False when the identity, or the person's place at that provider, is taken. The traveller may
        be added later in the same work.
        """

    def remove(self, digest: bytes) -> None: ...

    def logged_in(self, digest: bytes, *, acr: str, at: datetime) -> None:
        """Note a login, which also ends a withdrawal at the provider."""

    def mark_withdrawn(self, digest: bytes, at: datetime) -> None: ...

    def known_documents(self, documents: Sequence[DocumentDigest]) -> Sequence[tuple[UUID, DocumentDigest]]:
        """Who is known by any of these documents, and with which birth date."""

    def documents_of(self, traveller: UUID) -> frozenset[DocumentDigest]: ...

    def claim_documents(self, traveller: UUID, documents: Sequence[DocumentDigest]) -> bool:
        """Unique inserts, in the order given; waits for whoever is inserting the same one. False when any is another
        person's: those that were free stay claimed.
        """

    def release_documents(self, traveller: UUID) -> None: ...

    def hold(self, held: HeldIdentity) -> None:
        """Keep it, in place of an earlier one of the same identity."""

    def held(self, held_id: UUID, *, lock: bool = False) -> HeldIdentity | None: ...

    def held_for(self, traveller: UUID | None, at: datetime) -> Sequence[HeldIdentity]:
        """What waits for a person (for anybody: None), newest first."""

    def let_go(self, held_id: UUID) -> None: ...

    def sweep(self, at: datetime) -> int:
        """Delete held identities whose time is over, and old notices; returns how many."""

    def first_notice(self, provider: str, business_id: str, kind: str, at: datetime) -> bool:
        """Unique insert: whether a provider's callback came for the first time."""


class TokenVault(Protocol):
    """Upstream tokens, sealed, by (traveller, provider)."""

    def keep(self, traveller: UUID, provider: str, sealed: bytes, *, expires_at: datetime | None) -> None: ...

    def find(self, traveller: UUID, provider: str) -> bytes | None: ...

    def lease(self, traveller: UUID, provider: str, *, until: datetime, at: datetime) -> bool:
        """Whether this caller may refresh them now: one at a time, until they are kept or `until` has passed."""

    def destroy(self, traveller: UUID, provider: str) -> None: ...
