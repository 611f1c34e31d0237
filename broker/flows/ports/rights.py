"""What people's rights need: certificates of erasures, and reading everything that is about one person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.rights_request import RightsRequest
from broker.core.travel import IssuedPass
from broker.flows.ports.journal import JournalledUse


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """An erasure's certificate until it is fetched: found by the digest of a one-time link, and sealed under it.

    `key_destroyed_at`: when the person's key was confirmed to be gone, None until then.
    """

    token_digest: bytes
    traveller: UUID
    sealed: bytes = field(repr=False)
    leaf: bytes
    complete_at: datetime
    forget_at: datetime
    fetched_at: datetime | None = None
    key_destroyed_at: datetime | None = None


class RightsDesk(Protocol):
    """Within the transaction of the work."""

    def keep_certificate(self, kept: KeptCertificate) -> None: ...

    def certificate(self, token_digest: bytes) -> KeptCertificate | None:
        """The certificate behind a link, locked until the end of the work."""

    def certificate_fetched(self, token_digest: bytes, at: datetime) -> None:
        """Note the first time; later ones change nothing."""

    def passes_of(self, traveller: UUID) -> Sequence[IssuedPass]:
        """Every pass of the person that is still on record, newest first."""

    def grants_of(self, traveller: UUID) -> Sequence[Grant]:
        """Every grant of the person that is still on record, newest first."""

    def entries(self, traveller: UUID, *, key: bytes, limit: int, after: bytes | None) -> Sequence[JournalledUse]:
        """The person's journal entries, newest first, from the one after the entry with leaf hash `after`."""

    def entry(self, traveller: UUID, leaf: bytes, *, key: bytes) -> tuple[JournalledUse, bytes] | None:
        """One entry of the person, opened, and its bytes as the tree hashes them."""

    def add_request(self, request: RightsRequest) -> bool:
        """Unique insert: False when one of that kind about that entry is open."""

    def request(self, request_id: UUID, *, lock: bool = False) -> RightsRequest | None: ...

    def requests_of(self, traveller: UUID) -> Sequence[RightsRequest]:
        """A person's, newest first."""

    def open_requests(self, *, limit: int) -> Sequence[RightsRequest]:
        """Everybody's that wait, the one due first first."""

    def settle_request(self, request: RightsRequest) -> None:
        """Keep the answer of a locked request."""

    def withhold_claims(self, traveller: UUID) -> None:
        """Delete what an authority said: nothing of it leaves until it says something again."""

    def forget(self, traveller: UUID) -> None:
        """Delete everything of an erased person but the certificate."""
