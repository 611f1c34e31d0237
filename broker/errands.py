"""The errands of one moment, run together: one statement admits all, one transaction releases what they order."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from broker.core.authorization import Admission, AdmissionQuestion
from broker.flows.release_claims import Answer, ClaimOrder
from broker.oidc.server import Errand

Outcome = tuple[Any, Answer | None]
Awaited = Outcome | Exception | Future[Outcome]


@dataclass(frozen=True)
class Errands:
    """`admit` and `release` answer several at once, each in order; an exception stands for a release that failed, a
    future for one that has to wait.
    """

    admit: Callable[[Sequence[AdmissionQuestion]], Sequence[Admission]]
    release: Callable[[Sequence[ClaimOrder]], Sequence[Answer | Exception | Future[Answer]]]

    def run(self, errands: Sequence[Errand[Any]]) -> list[Awaited]:
        """The outcome of each, in order. Raises DatabaseUnavailable when none could be admitted."""
        outcomes: list[Awaited] = []
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
        self, orders: Sequence[tuple[int, ClaimOrder]], outcomes: list[Awaited]
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
            assert isinstance(outcome, tuple)  # noqa: S101  who ordered was admitted
            if isinstance(answer, Future):
                outcomes[place] = _followed(outcome[0], answer)
            else:
                outcomes[place] = answer if isinstance(answer, Exception) else (outcome[0], answer)
        return later


def _followed(made: Any, answer: "Future[Answer]") -> "Future[Outcome]":
    """The outcome once the answer is there."""
    outcome: Future[Outcome] = Future()

    def settle(done: "Future[Answer]") -> None:
        error = done.exception()
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result((made, done.result()))

    answer.add_done_callback(settle)
    return outcome
