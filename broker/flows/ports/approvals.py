"""What partners asked people to approve."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.approval import ApprovalRequest


class ApprovalRegister(Protocol):
    """Requests of partners, their results, and the idempotency keys they came with."""

    def reserve_key(
        self, client_id: str, key: str, *, fingerprint: bytes, request_id: UUID, until: datetime
    ) -> tuple[bytes, UUID] | None:
        """Bind the key to a request. When it is bound already: to which fingerprint and request. Of two at once the
        second waits for the first.
        """

    def add(self, request: ApprovalRequest) -> None: ...

    def find(self, request_id: UUID) -> ApprovalRequest | None: ...

    def lock(self, request_id: UUID) -> ApprovalRequest | None:
        """The request, locked until the end of the work."""

    def by_state(self, state_hash: bytes) -> ApprovalRequest | None:
        """The request whose provider was sent that state."""

    def keep(self, request: ApprovalRequest) -> None:
        """Replace the state of a locked request."""

    def forget(self, traveller: UUID) -> None:
        """Delete the requests of an erased person."""

    def sweep(self, at: datetime) -> int:
        """End what expired, delete results whose time is up, and requests long over; returns how many rows changed."""
