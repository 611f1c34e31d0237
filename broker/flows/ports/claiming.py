"""What releasing claims reads and writes, each in one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.consent import ConsentRecord
from broker.core.purpose import Recipient
from broker.flows.ports.journal import Entry
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class ClaimQuestion:
    """A partner asks about a person, for purposes (their names)."""

    traveller: UUID
    partner_id: str
    purposes: Sequence[str]


@dataclass(frozen=True, slots=True)
class OnClaim:
    """What a release of claims rests on.

    `consents`: the standing records with the uses counted in the stretch of time that their frequency names.
    `recipient` None: no active partner. `claims` and `vouched`: what the authority said, and who said it, sealed under
    the person's key; all None once they were erased.
    """

    recipient: Recipient | None
    consents: Sequence[tuple[ConsentRecord, int]]
    origin: str | None
    claims: bytes | None
    vouched: bytes | None


class ClaimsDesk(Protocol):
    """Releases of claims, within the transaction of the work."""

    def open(self, questions: Sequence[ClaimQuestion], at: datetime, *, wait: bool) -> Sequence[OnClaim | None]:
        """Lock the standing consents of each person to the partner for those purposes, all in ascending order, and read
        the rest after. Nobody else counts, uses or changes these records until the end of the work, so the numbers are
        exact. Without `wait`: None for a question whose consents somebody else holds. At most one question about each
        person.
        """

    def enter(
        self, consents: Sequence[UUID], entries: Sequence[Entry], *, at: datetime, entropy: Entropy
    ) -> Sequence[bytes]:
        """Count one use of each record that `open` gave, and journal; returns the leaf hashes of the entries."""
