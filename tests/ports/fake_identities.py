"""The ports `IdentityLinks` and `TokenVault` in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from broker.core.linking import DocumentDigest, HeldIdentity, IdentityLink


@dataclass
class FakeIdentityLinks:
    links: dict[bytes, IdentityLink] = field(default_factory=dict)
    documents: dict[bytes, tuple[UUID, DocumentDigest]] = field(default_factory=dict)
    waiting: dict[UUID, HeldIdentity] = field(default_factory=dict)
    notices: set[tuple[str, str]] = field(default_factory=set)

    def find(self, digest: bytes) -> IdentityLink | None:
        return self.links.get(digest)

    def queue(self, digests: Sequence[bytes]) -> None:
        """One thread at a time needs no queue."""

    def of(self, traveller: UUID) -> Sequence[IdentityLink]:
        theirs = [link for link in self.links.values() if link.traveller == traveller]
        return sorted(theirs, key=lambda link: (link.linked_at, link.digest))

    def add(self, link: IdentityLink) -> bool:
        taken = any(other.provider == link.provider for other in self.of(link.traveller))
        if taken or link.digest in self.links:
            return False
        self.links[link.digest] = link
        return True

    def remove(self, digest: bytes) -> None:
        self.links.pop(digest, None)

    def logged_in(self, digest: bytes, *, acr: str, at: datetime) -> None:
        self.links[digest] = replace(self.links[digest], acr=acr, last_login_at=at, withdrawn_at=None)

    def mark_withdrawn(self, digest: bytes, at: datetime) -> None:
        self.links[digest] = replace(self.links[digest], withdrawn_at=at)

    def known_documents(self, documents: Sequence[DocumentDigest]) -> Sequence[tuple[UUID, DocumentDigest]]:
        return [self.documents[known.document] for known in documents if known.document in self.documents]

    def documents_of(self, traveller: UUID) -> frozenset[DocumentDigest]:
        return frozenset(document for owner, document in self.documents.values() if owner == traveller)

    def claim_documents(self, traveller: UUID, documents: Sequence[DocumentDigest]) -> bool:
        for known in documents:
            if self.documents.get(known.document, (traveller, known))[0] != traveller:
                return False
            self.documents[known.document] = (traveller, known)
        return True

    def release_documents(self, traveller: UUID) -> None:
        self.documents = {key: row for key, row in self.documents.items() if row[0] != traveller}

    def hold(self, held: HeldIdentity) -> None:
        self.waiting = {key: old for key, old in self.waiting.items() if old.digest != held.digest}
        self.waiting[held.held_id] = held

    def held(self, held_id: UUID, *, lock: bool = False) -> HeldIdentity | None:
        return self.waiting.get(held_id)

    def held_for(self, traveller: UUID | None, at: datetime) -> Sequence[HeldIdentity]:
        live = [held for held in self.waiting.values() if held.expires_at > at]
        return [held for held in reversed(live) if traveller in (None, held.traveller)]

    def let_go(self, held_id: UUID) -> None:
        self.waiting.pop(held_id, None)

    def sweep(self, at: datetime) -> int:
        over = [held_id for held_id, held in self.waiting.items() if held.expires_at <= at]
        for held_id in over:
            del self.waiting[held_id]
        return len(over)

    def first_notice(self, provider: str, business_id: str, kind: str, at: datetime) -> bool:
        new = (provider, business_id) not in self.notices
        self.notices.add((provider, business_id))
        return new

    def forget(self, traveller: UUID) -> None:
        self.links = {key: link for key, link in self.links.items() if link.traveller != traveller}
        self.waiting = {key: held for key, held in self.waiting.items() if held.traveller != traveller}
        self.release_documents(traveller)


@dataclass
class FakeTokenVault:
    kept: dict[tuple[UUID, str], bytes] = field(default_factory=dict)
    leases: dict[tuple[UUID, str], datetime] = field(default_factory=dict)

    def keep(self, traveller: UUID, provider: str, sealed: bytes, *, expires_at: datetime | None) -> None:
        self.kept[traveller, provider] = sealed
        self.leases.pop((traveller, provider), None)

    def find(self, traveller: UUID, provider: str) -> bytes | None:
        return self.kept.get((traveller, provider))

    def lease(self, traveller: UUID, provider: str, *, until: datetime, at: datetime) -> bool:
        if (traveller, provider) not in self.kept or self.leases.get((traveller, provider), at) > at:
            return False
        self.leases[traveller, provider] = until
        return True

    def destroy(self, traveller: UUID, provider: str) -> None:
        self.kept.pop((traveller, provider), None)
        self.leases.pop((traveller, provider), None)
