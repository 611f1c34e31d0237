"""Governed changes, and what of them stands."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from broker.core.governed_change import ChangeSignature, GovernedChange
from broker.core.special_list import SpecialList
from broker.core.standing_changes import StandingChanges


class ChangesUnsound(Exception):
    """A change that is said to be in force does not carry what makes it so. Nothing may leave until it is mended."""


class ChangeRegister(Protocol):
    """Every change that was ever proposed, with its signatures; the lists' hashes beside it."""

    def add(self, change: GovernedChange, members: SpecialList | None) -> None:
        """Keep a proposal without signatures."""

    def find(self, change_id: UUID) -> GovernedChange | None: ...

    def lock(self, change_id: UUID) -> GovernedChange | None:
        """The change; nobody else signs it, nor puts another one in force, until the end of the work."""

    def sign(self, change_id: UUID, signature: ChangeSignature) -> None:
        """Unique for each person."""

    def put_in_force(self, change_id: UUID, at: datetime) -> None:
        """It stands from `at` on. Every worker knows before BINDS_AFTER is over."""

    def all(self, *, limit: int = 200) -> Sequence[GovernedChange]:
        """The newest first."""

    def members(self, change_id: UUID) -> SpecialList | None:
        """The list of a change; None when it is of another kind, or was destroyed."""

    def lists_to_forget(self, at: datetime, *, kept: timedelta) -> Sequence[UUID]:
        """Lists with entries still there, of proposals that can be signed no more, or whose time ended `kept` ago."""

    def forget_list(self, change_id: UUID) -> None:
        """Delete the entries of a list; the change stays."""

    def standing(self, at: datetime) -> StandingChanges:
        """What stands at `at`, no older than half a second: see specs/governed-changes.md 5. Raises ChangesUnsound."""
