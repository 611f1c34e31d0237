"""The ledger of consents."""

from collections.abc import Collection, Mapping, Sequence
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
        """The standing records for the purposes and recipients of `uses`, as last committed, locked against changes
        until the end of the work.

        Several uses hold it side by side. A change that committed before this returns is seen, always.
        """

    def lock_and_count(self, traveller: UUID, uses: Sequence[Use], at: datetime) -> Sequence[tuple[ConsentRecord, int]]:
        """The standing records for the purposes and recipients of `uses`, in ascending order, each with the number of
        uses counted in the stretch of time before `at` that its frequency names (0 without a frequency).

        Nobody else counts, uses or changes these records until the end of the work, so the number is exact.
        """

    def count_use(self, consent_id: UUID, at: datetime) -> None:
        """Count one use of a record that `lock_and_count` gave."""

    def used(self, consent_id: UUID) -> int:
        """How often the record was used, as far as its frequency still needs to know."""

    def carry_uses_over(self, superseded: UUID, to: UUID) -> None:
        """Uses of the version that was settled count for the one that stands in its place."""

    def versions(self, consent_id: UUID) -> Sequence[UUID]:
        """The ids of all versions in the series of that record, itself included."""

    def declined(self, consent_id: UUID) -> frozenset[str]:
        """Optional categories that the person was offered beside this record and left out."""

    def note_declined(self, consent_id: UUID, categories: Collection[str]) -> None:
        """Add to `declined`, so that nobody is asked the same twice."""

    def settle(self, consent_id: UUID, status: ConsentStatus, at: datetime) -> None:
        """Move a locked record to another state; back to active it is settled no more."""

    def run_out(self, at: datetime, *, limit: int) -> Sequence[ConsentRecord]:
        """Standing records whose time ended, in the order of their travellers; not locked."""

    def of(self, traveller: UUID) -> Sequence[tuple[ConsentRecord, str]]:
        """All records of a person with their receipts, newest first."""

    def forget(self, traveller: UUID) -> None:
        """Delete the records of an erased person."""


class ConsentAnswers(Protocol):
    """What a person answered on the pages of a waiting authorization request: each release is answered once."""

    def of(self, handle_hash: bytes, traveller: UUID) -> Mapping[bytes, UUID | None]:
        """By the digest of the release: the consent that was given, None for a refusal."""

    def add(
        self, handle_hash: bytes, traveller: UUID, release: bytes, *, consent_id: UUID | None, at: datetime
    ) -> None:
        """Keep an answer. The traveller is locked by the caller, so there is none yet."""

    def drop_before(self, moment: datetime) -> int:
        """Forget old answers, and uses that no frequency needs any more; returns how many."""

    def forget(self, traveller: UUID) -> None:
        """Delete the answers of an erased person."""
