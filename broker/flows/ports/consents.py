"""The ledger of consents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus, Use


class ConsentLedger(Protocol):
    """Every consent ever given, and the receipt that was handed out for it."""

    def standing(self, traveller: UUID, purpose: str, recipient: str) -> ConsentRecord | None:
        """The one record in state active or paused for that purpose and recipient, whatever the time."""

    def add(self, record: ConsentRecord, receipt: str) -> None:
        """Enter a new record. At most one per person, purpose and recipient stands at a time."""

    def receipt(self, consent_id: UUID) -> str:
        """The signed receipt of a record."""

    def lock_for_change(self, traveller: UUID, consent_id: UUID) -> ConsentRecord | None:
        """This traveller's record, locked against every release until the end of the work; None when it is
        not theirs.
        """

    def lock_standing(self, traveller: UUID, uses: Sequence[Use]) -> Sequence[ConsentRecord]:
        """The standing records for the purposes and recipients of `uses`, with the promise of `lock_for_use`."""

    def lock_for_use(self, consents: Sequence[UUID]) -> Sequence[ConsentRecord]:
        """The records as last committed, locked against changes until the end of the work.

        Several uses hold it side by side. A change that committed before this returns is seen, always.
        """

    def settle(self, consent_id: UUID, status: ConsentStatus, at: datetime) -> None:
        """Move a locked record to another state."""

    def run_out(self, at: datetime, *, limit: int) -> Sequence[ConsentRecord]:
        """Standing records whose time ended, in the order of their travellers; not locked."""

    def of(self, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
        """All records of a person with their receipts, newest first."""

    def forget(self, traveller: UUID) -> None:
        """Delete the records of an erased person."""
