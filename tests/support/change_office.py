"""Operators who change things together, over either store."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from broker.core.change_body import Kind
from broker.core.governed_change import GovernedChange
from broker.core.staff import Role, Staff
from broker.flows.propose_change import Proposal, propose_change
from broker.flows.sign_change import sign_change
from broker.flows.standing_changes import standing_changes
from broker.flows.withdraw_change import withdraw_change
from broker.wire.keys import LocalSigner
from tests.support.broker_world import World
from tests.support.staff import enter

ORIGIN = "https://broker.example"
DAY = timedelta(days=1)
STOP_BANK: dict[str, Any] = {"effect": "deny", "recipients": ["bank"]}


@dataclass
class Office:
    """A world with two operators and an auditor."""

    world: World

    def __post_init__(self) -> None:
        with self.world.begin() as work:
            self.one, self.other, self.third = (enter(work, Role.OPERATOR, at=self.world.at) for _ in range(3))
            self.auditor = enter(work, Role.AUDITOR, Role.REVIEWER, at=self.world.at)

    def propose(self, kind: Kind = Kind.EXCLUSION, body: Any = None, **change: Any) -> GovernedChange:
        terms: dict[str, Any] = {"because": "a test", "since": self.world.at, "until": self.world.at + DAY} | change
        body = STOP_BANK if body is None and "entries" not in change else body
        with self.world.begin() as work:
            return propose_change(
                work,
                Proposal(kind=kind, body=body, **terms),
                keys=self.world.keys,
                policy=self.world.rulebook.transfers.policy,
                origin=ORIGIN,
                staff_id=self.one[0].staff_id,
                at=self.world.at,
                entropy=os.urandom,
            )

    def sign(self, change: GovernedChange, who: tuple[Staff, LocalSigner], over: Any = None) -> Any:
        signature = who[1].sign((over or change).statement())
        with self.world.begin() as work:
            return sign_change(
                work, change_id=change.change_id, staff_id=who[0].staff_id, signature=signature,
                clock=lambda: self.world.at, entropy=os.urandom,
            )  # fmt: skip

    def adopt(self, kind: Kind = Kind.EXCLUSION, body: Any = None, **change: Any) -> GovernedChange:
        proposed = self.propose(kind, body, **change)
        assert self.sign(proposed, self.one).in_force_at is None
        adopted = self.sign(proposed, self.other)
        assert isinstance(adopted, GovernedChange)
        assert adopted.in_force_at is not None
        return adopted

    def withdraw(self, change: GovernedChange) -> GovernedChange:
        with self.world.begin() as work:
            ending = withdraw_change(
                work, change_id=change.change_id, because="over", keys=self.world.keys, origin=ORIGIN,
                policy=self.world.rulebook.transfers.policy, staff_id=self.one[0].staff_id, at=self.world.at,
                entropy=os.urandom,
            )  # fmt: skip
        self.sign(ending, self.one)
        signed = self.sign(ending, self.other)
        assert isinstance(signed, GovernedChange)
        return signed

    def stands(self, at: Any = None) -> list[UUID]:
        with self.world.begin() as work:
            moment = at or self.world.at
            return [change.change_id for change in standing_changes(work, moment).at(moment)]
