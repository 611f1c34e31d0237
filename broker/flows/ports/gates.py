"""Gates, their invitations, crossings and epochs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from broker.core.gate import Gate, Invitation
from broker.wire.gate_api import CrossingEvent


class GateRegister(Protocol):
    """Gates, invitations, epochs and what lanes reported."""

    def invite(self, invitation: Invitation) -> None:
        """Keep a new one-time code."""

    def lock_invitation(self, digest: bytes) -> Invitation | None:
        """The invitation, locked until the end of the work."""

    def enrol(self, gate: Gate, invitation: Invitation) -> None:
        """Enter the gate and use up the locked invitation."""

    def by_id(self, gate_id: str) -> Gate | None:
        """The gate of that name."""

    def by_kid(self, kid: bytes) -> Gate | None:
        """The gate whose key has that id."""

    def retire(self, gate_id: str, at: datetime) -> None:
        """The gate's requests are refused from now on."""

    def record_event(self, gate: Gate, event: CrossingEvent, *, conflict: bool, at: datetime) -> None:
        """Keep a crossing. `conflict`: it opened on a pass that another event had spent."""

    def known_events(self, gate: Gate, event_ids: Sequence[bytes]) -> frozenset[bytes]:
        """Which of these events this gate reported before. Locks the gate, so that reports of one gate take turns."""


class EpochRegister(Protocol):
    """Which epoch keys the key store holds for which zone."""

    def open(self, zone: str, epoch: int, *, dies_at: datetime) -> bool:
        """Note an epoch as in use. False when its secret was destroyed already."""

    def due(self, at: datetime) -> Sequence[tuple[str, int]]:
        """Zones and epochs whose secrets must be dead by now and are not noted as such."""

    def close(self, zone: str, epoch: int, at: datetime) -> None:
        """Note that the secret was destroyed."""
