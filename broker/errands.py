"""The errands of one moment, run together: one statement admits all, one transaction releases what they order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from broker.core.authorization import Admission, AdmissionQuestion
from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims
from broker.flows.release_claims import ClaimOrder
from broker.oidc.server import Errand

Outcome = tuple[Any, ReleasedClaims | Denied | None]


@dataclass(frozen=True)
class Errands:
    """`admit` and `release` answer several at once, each in order; an exception stands for a release that failed."""

    admit: Callable[[Sequence[AdmissionQuestion]], Sequence[Admission]]
    release: Callable[[Sequence[ClaimOrder]], Sequence[ReleasedClaims | Denied | Exception]]

    def run(self, errands: Sequence[Errand[Any]]) -> list[Outcome | Exception]:
        """The outcome of each, in order. Raises DatabaseUnavailable when none could be admitted."""
        outcomes: list[Outcome | Exception] = []
        orders: list[tuple[int, ClaimOrder]] = []
        for place, (errand, admission) in enumerate(
            zip(errands, self.admit([errand.question for errand in errands]), strict=True)
        ):
            try:
                made, order = errand.then(admission)
            except Exception as refused:  # noqa: BLE001  handed to whoever asked
                outcomes.append(refused)
                continue
            outcomes.append((made, None))
            if order is not None:
                orders.append((place, order))
        while orders:
            orders = self._release_some(orders, outcomes)
        return outcomes

    def _release_some(
        self, orders: Sequence[tuple[int, ClaimOrder]], outcomes: list[Outcome | Exception]
    ) -> list[tuple[int, ClaimOrder]]:
        """The first order about each person; returns the others, which must see what these have used up."""
        now: dict[UUID, tuple[int, ClaimOrder]] = {}
        later: list[tuple[int, ClaimOrder]] = []
        for place, order in orders:
            if order.traveller in now:
                later.append((place, order))
            else:
                now[order.traveller] = (place, order)
        answers = self.release([order for _, order in now.values()])
        for (place, _), answer in zip(now.values(), answers, strict=True):
            outcome = outcomes[place]
            if isinstance(answer, Exception) or isinstance(outcome, Exception):
                outcomes[place] = answer if isinstance(answer, Exception) else outcome
            else:
                outcomes[place] = (outcome[0], answer)
        return later
