"""What minting reads and writes, each in one step: the busiest flow of the broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.consent import ConsentRecord, Use
from broker.core.travel import IssuedPass, SealedTemplate


@dataclass(frozen=True, slots=True)
class StatusSpace:
    """The newest status list; it will be published at least until `needed_until`."""

    list_no: int
    needed_until: datetime


@dataclass(frozen=True, slots=True)
class OnDesk:
    """All that a minting rests on. `issued` has the person's earlier passes for the device keys asked for."""

    consents: Sequence[ConsentRecord]
    template: SealedTemplate | None
    issued: Mapping[bytes, IssuedPass]
    space: StatusSpace | None
    origin: str
    """The jurisdiction where the person's data reside."""
    claims: bytes | None
    """What their authority said about them, sealed under their key."""
    epoch_open: bool
    """Whether the epoch asked about is known and its secret was not destroyed."""
    vouched: bytes | None = None
    """Who said it, sealed likewise; None for people who last logged in before that was kept."""


class MintingDesk(Protocol):
    """One person's minting, within the transaction of the work."""

    def open(
        self, traveller: UUID, uses: Sequence[Use], device_keys: Sequence[bytes], *, epoch: tuple[str, int] | None
    ) -> OnDesk:
        """Lock the person, then their standing consents for those uses against withdrawal, and read the rest after.
        `epoch`: the zone and day whose secret is going to be needed.

        Raises UnknownTraveller.
        """

    def enter(self, passes: Sequence[IssuedPass]) -> Sequence[IssuedPass]:
        """Enter new passes together with their status indices; returns those entered. The others drew an index that
        was given out before.
        """
