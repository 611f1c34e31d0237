"""The register of governed changes in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from broker.core.governed_change import ChangeSignature, GovernedChange, is_spent
from broker.core.special_list import SpecialList
from broker.core.standing_changes import StandingChanges


@dataclass
class FakeChangeRegister:
    """Port `ChangeRegister`. What stands is always as new as the work."""

    changes: dict[UUID, GovernedChange] = field(default_factory=dict)
    lists: dict[UUID, SpecialList] = field(default_factory=dict)

    def add(self, change: GovernedChange, members: SpecialList | None) -> None:
        self.changes[change.change_id] = change
        if members is not None:
            self.lists[change.change_id] = members

    def find(self, change_id: UUID) -> GovernedChange | None:
        return self.changes.get(change_id)

    def lock(self, change_id: UUID) -> GovernedChange | None:
        return self.find(change_id)

    def sign(self, change_id: UUID, signature: ChangeSignature) -> None:
        self.changes[change_id] = self.changes[change_id].signed_by(signature)

    def put_in_force(self, change_id: UUID, at: datetime) -> None:
        self.changes[change_id] = replace(self.changes[change_id], in_force_at=at)

    def all(self, *, limit: int = 200) -> Sequence[GovernedChange]:
        newest = sorted(self.changes.values(), key=lambda change: (-change.proposed_at.timestamp(), change.change_id))
        return newest[:limit]

    def members(self, change_id: UUID) -> SpecialList | None:
        return self.lists.get(change_id)

    def lists_to_forget(self, at: datetime, *, kept: timedelta) -> Sequence[UUID]:
        return [
            change_id
            for change_id, listed in self.lists.items()
            if listed.members and is_spent(self.changes[change_id], at, kept=kept)
        ]

    def forget_list(self, change_id: UUID) -> None:
        del self.lists[change_id]

    def standing(self, at: datetime) -> StandingChanges:
        return StandingChanges.of(self.changes.values(), self.lists)
