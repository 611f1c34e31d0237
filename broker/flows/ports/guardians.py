"""Guardians, their wards, and what they agreed to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.guardian import GuardianConsent, Guardianship


class GuardianRegister(Protocol):
    """Within the transaction of the work."""

    def invite(self, guardianship: Guardianship) -> None: ...

    def invitation(self, code_digest: bytes) -> Guardianship | None:
        """The invitation behind a code, locked until the end of the work."""

    def keep(self, guardianship: Guardianship) -> None:
        """Its new state."""

    def find(self, guardianship_id: UUID, *, lock: bool = False) -> Guardianship | None: ...

    def of(self, traveller: UUID) -> Sequence[Guardianship]:
        """Those that stand or are invited, whichever side of them the person is on, oldest first."""

    def agree(self, consent: GuardianConsent) -> bool:
        """Unique insert, in place of one that is over; False when one stands for that ward, purpose and recipient."""

    def consents(self, ward: UUID) -> Sequence[GuardianConsent]:
        """Those that were not withdrawn, beside a consent of the ward's that still stands, oldest first."""

    def withdraw(self, consent_id: UUID, at: datetime) -> None: ...

    def stands(self, ward: UUID, purpose: str, recipient: str, at: datetime) -> bool:
        """Whether a guardian's consent covers that now. It ends with the ward's that it was given beside."""
