"""Passes that were issued."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.travel import IssuedPass


class PassRegister(Protocol):
    """Passes that were minted and the gates that hold or spent them."""

    def of_traveller(self, traveller: UUID, pass_id: bytes) -> IssuedPass | None:
        """One pass of this traveller."""

    def find(self, zone: str, pass_id: bytes) -> IssuedPass | None:
        """One pass, not locked."""

    def lock(self, zone: str, pass_id: bytes) -> IssuedPass:
        """One known pass as last committed, locked until the end of the work."""

    def live(self, traveller: UUID, *, at: datetime, resting_on: UUID | None = None) -> Sequence[IssuedPass]:
        """Unexpired, unrevoked passes of a person, or only those that rest on one consent."""

    def spend(self, zone: str, pass_id: bytes, *, gate_id: str, event_id: bytes, at: datetime) -> bool:
        """Unique on zone and pass id; False when another event spent it before."""

    def latest_offline_epoch(self, traveller: UUID) -> int | None:
        """The last epoch whose secret could open a template of this person."""

    def forget(self, traveller: UUID) -> None:
        """Take person, device keys, consents and pass bytes out of an erased traveller's passes."""

    def drop_expired_before(self, moment: datetime) -> int:
        """Delete passes (with spends and answers) that expired before; returns how many. Status bits stay."""
