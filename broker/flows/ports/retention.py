"""Deleting what has had its time, and the receipts of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.retention import Deleted


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A signed deletion receipt (compact JWS)."""

    receipt_id: UUID
    category: str
    run_at: datetime
    deleted: int
    receipt: str


class RetentionDesk(Protocol):
    """Within the transaction of the work. Categories are those of data/retention.toml."""

    def due(self, category: str, before: datetime) -> int:
        """How many there are whose clock began before. Raises LookupError for an unknown category."""

    def delete(self, category: str, before: datetime, *, limit: int) -> Sequence[Deleted]:
        """Delete at most `limit` of them, passing over what somebody else holds. Raises LookupError likewise."""

    def keep(self, receipt: KeptReceipt) -> None: ...

    def receipts(self, *, limit: int) -> Sequence[KeptReceipt]:
        """Newest first."""
