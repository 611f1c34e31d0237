"""Errands: each is admitted or refused by itself, and one person's orders take turns."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from broker.core.authorization import Admission, AdmissionQuestion
from broker.core.denial import Denied, Refusal
from broker.core.identity_release import ReleasedClaims
from broker.errands import Errands
from broker.flows.release_claims import Answer, ClaimOrder
from broker.oidc.server import Errand

WELL = Admission(frozenset(), 1, None, False)


def order(person: int) -> ClaimOrder:
    return ClaimOrder(UUID(int=person), cast(Any, None), (), None)


@dataclass
class Desk:
    released: list[list[int]] = field(default_factory=list)
    waiting: dict[int, Future[Answer]] = field(default_factory=dict)

    def admit(self, asked: Sequence[AdmissionQuestion]) -> list[Admission]:
        return [WELL for _ in asked]

    def release(self, orders: Sequence[ClaimOrder]) -> list[Answer | Exception | Future[Answer]]:
        self.released.append([one.traveller.int for one in orders])
        return [self._answer(one.traveller.int) for one in orders]

    def _answer(self, person: int) -> Answer | Exception | Future[Answer]:
        if person in self.waiting:
            return self.waiting[person]
        if person == 13:
            return OSError("unlucky")
        return Denied(Refusal.CONSENT_MISSING, "none") if person == 7 else ReleasedClaims({"person": person})


def errand(name: str, person: int | None = None) -> "Errand[str]":
    return Errand(AdmissionQuestion(()), lambda _: (name, None if person is None else order(person)))


def refused(_: Admission) -> tuple[str, None]:
    raise PermissionError("replayed")


def test_each_gets_its_own_outcome_in_its_own_place() -> None:
    desk = Desk()
    asked = [errand("a", 1), Errand(AdmissionQuestion(()), refused), errand("b"), errand("c", 7), errand("d", 13)]
    first, second, third, fourth, fifth = Errands(desk.admit, desk.release).run(asked)
    assert isinstance(first, tuple)
    assert (first[0], first[1].values) == ("a", {"person": 1})
    assert isinstance(second, PermissionError)
    assert third == ("b", None)
    assert isinstance(fourth, tuple)
    assert isinstance(fourth[1], Denied)
    assert isinstance(fifth, OSError)
    assert desk.released == [[1, 7, 13]]


def test_orders_about_one_person_take_turns() -> None:
    desk = Desk()
    outcomes = Errands(desk.admit, desk.release).run([errand("a", 1), errand("b", 1), errand("c", 2), errand("d", 1)])
    assert desk.released == [[1, 2], [1], [1]]
    assert [outcome[0] for outcome in outcomes if isinstance(outcome, tuple)] == ["a", "b", "c", "d"]


def test_an_order_that_has_to_wait_is_a_future_of_its_outcome() -> None:
    """Nobody else waits for it."""
    well, badly = Future[Answer](), Future[Answer]()
    desk = Desk(waiting={1: well, 2: badly})
    first, second, third = Errands(desk.admit, desk.release).run([errand("a", 1), errand("b", 2), errand("c", 3)])
    assert isinstance(third, tuple)
    assert isinstance(first, Future)
    assert isinstance(second, Future)
    assert not first.done()
    well.set_result(ReleasedClaims({"late": True}))
    badly.set_exception(OSError("gone"))
    assert first.result(1)[1].values == {"late": True}
    assert isinstance(second.exception(1), OSError)
