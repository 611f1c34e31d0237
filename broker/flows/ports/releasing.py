"""What releasing a template reads and writes, each in one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from broker.core.consent import ConsentRecord
from broker.core.travel import IssuedPass, SealedTemplate


@dataclass(frozen=True, slots=True)
class Shown:
    """A pass that a gate was shown, locked, with the consents it rests on and its traveller's enrolment."""

    issued: IssuedPass
    consents: Sequence[ConsentRecord]
    template: SealedTemplate | None
    origin: str | None
    """The jurisdiction where the person's data reside; None once they were erased."""
    claims: bytes | None
    """What their authority said about them, sealed under their key."""
    vouched: bytes | None
    """Who said it, likewise."""


class ReleaseDesk(Protocol):
    """One release, within the transaction of the work."""

    def open(self, zone: str, pass_id: bytes) -> Shown | None:
        """Lock the consents against withdrawal, then the pass, and read what their former holders committed; None for a
        pass that was never minted.
        """

    def enter(self, issued: IssuedPass, counter: int, *, gate_id: str, until: datetime, at: datetime) -> bool:
        """Note the answer and reserve the pass for the gate. Unique on zone, pass id and counter: False, and nothing
        noted, when a template was already released for it.
        """
