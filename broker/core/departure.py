"""Personal data on their way out: the decision about them, and the values that cannot be had without it.

What is opened stays inside a `Kept`. It comes out by `leave`, with a decision of the same transaction that permits this
person's data of these kinds to go; or by `for_own_use`, which names why it stays here. Before a transaction commits,
every decision made in it must stand in an entry that the transaction journalled (specs/departures.md 2).
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from broker.core.governance.codes import Gate
from broker.core.governance.decision import Decision
from broker.core.transfer import Entered, Outgoing
from broker.wire.reasons import Reason

STATED: Final = ("transfer", "mechanism", "policy", "score", "band", "origin", "destination")
"""What the journal's entry of a release or a refusal says about its decision, in the clear; and `why`, where there are
reasons against; `counted`, where the release newly counted its person somewhere.
"""

MAKER: Final = object()
"""Held by `core.permit` alone."""

T = TypeVar("T")
U = TypeVar("U")


class NoDeparture(Exception):
    """Data were about to leave without a decision that lets them: a mistake of ours, so nothing leaves."""


class OwnUse(StrEnum):
    """Why opened data stay with the broker, or go to nobody but the person."""

    DECIDING = "the law is asked about them"
    COMPARING = "an answer of yes or no is made from them"
    COMMITTING = "a salted hash of them goes into a pass"
    ENROLMENT = "the portrait is compared with a photograph, once"
    RENEWAL = "a later login is compared with what is kept"
    SHOWN = "the person sees what is kept about them"
    REVIEWING = "a reviewer reads what the person wrote to them"


class Departure:
    """One decision, about one person's data for one recipient. Only `core.permit` makes one.

    `origin`: the jurisdiction where the data reside; `outgoing`: what leaves, and to whom.
    """

    __slots__ = ("_departures", "_entry", "_stated", "decision", "origin", "outgoing", "traveller")

    def __init__(
        self,
        departures: "Departures",
        decision: Decision,
        outgoing: Outgoing,
        *,
        traveller: UUID,
        origin: str,
        entered: Entered | None,
        maker: object,
    ) -> None:
        if maker is not MAKER:
            raise NoDeparture("nobody but flows.decide_transfer decides")
        self._departures, self._stated, self._entry = departures, False, _entry(decision, outgoing, origin, entered)
        self.decision, self.outgoing, self.traveller, self.origin = decision, outgoing, traveller, origin
        departures.add(self)

    @property
    def gate(self) -> Gate:
        return self.decision.gate

    @property
    def refusal(self) -> Reason | None:
        """None when the data may go; else whether they are held or denied."""
        if self.gate.permits:
            return None
        return Reason.TRANSFER_HELD if self.gate is Gate.HOLD else Reason.TRANSFER_DENIED

    @property
    def stated(self) -> bool:
        return self._stated

    def entry(self) -> dict[str, Any]:
        """The decision, for the clear part of the journal's entry: no personal data."""
        return self._entry

    def journalled(self) -> None:
        """The journal took an entry that states it."""
        self._stated = True

    def check(self, departures: "Departures", *, traveller: UUID, recipient: str, categories: Iterable[str]) -> None:
        """Raise NoDeparture unless it lets exactly this go, now."""
        if self._departures is not departures or departures.closed:
            raise NoDeparture("decided in another transaction")
        if not self.gate.permits:
            raise NoDeparture("the decision is against it")
        if self.traveller != traveller or self.outgoing.recipient_id != recipient:
            raise NoDeparture("decided about another person or recipient")
        if not frozenset(categories).issubset(self.outgoing.categories):
            raise NoDeparture("kinds of data that the decision is not about")


def _entry(made: Decision, outgoing: Outgoing, origin: str, entered: Entered | None) -> dict[str, Any]:
    said = (made.gate.value, made.decision.value, made.policy_hash, made.score, made.band.value)
    why = {"why": [reason.value for reason in made.reasons]} if made.reasons else {}
    counted = {"counted": entered.stated} if entered is not None and entered.counts else {}
    return dict(zip(STATED, (*said, origin, outgoing.jurisdiction), strict=True)) | why | counted


def check_all(departures: Sequence[Departure], *, recipient: str) -> None:
    """Raise NoDeparture unless there are some, and each of them lets something go to that recipient now."""
    if not departures:
        raise NoDeparture("nothing was decided")
    for one in departures:
        one.check(one._departures, traveller=one.traveller, recipient=recipient, categories=())


class Departures:
    """The decisions of one transaction. Whoever commits it calls `settle` first."""

    __slots__ = ("_made", "closed")

    def __init__(self) -> None:
        self._made: list[Departure] = []
        self.closed = False

    def add(self, departure: Departure) -> None:
        if self.closed:
            raise NoDeparture("the transaction is over")
        self._made.append(departure)

    def settle(self) -> None:
        """Raise NoDeparture unless the journal took an entry for each decision, holds and denials too."""
        unsaid = [departure for departure in self._made if not departure.stated]
        if unsaid:
            raise NoDeparture(f"{len(unsaid)} decided and not journalled, to {unsaid[0].outgoing.recipient_id}")
        self._made.clear()

    def close(self) -> None:
        """The transaction is over, however it ended: what was permitted may leave no longer."""
        self._made.clear()
        self.closed = True


class Kept(Generic[T]):
    """Personal data of one person, opened within a transaction. `categories`: of which kinds they are."""

    __slots__ = ("_departures", "_value", "categories", "traveller")

    def __init__(self, value: T, *, departures: Departures, traveller: UUID, categories: Iterable[str]) -> None:
        self._value, self._departures = value, departures
        self.traveller, self.categories = traveller, frozenset(categories)

    def __repr__(self) -> str:
        return f"Kept({', '.join(sorted(self.categories))})"

    def derive(self, make: Callable[[T], U]) -> "Kept[U]":
        """What is made of it is kept likewise."""
        return self.narrowed(self.categories, make)

    def narrowed(self, categories: Iterable[str], make: Callable[[T], U]) -> "Kept[U]":
        """The same, where less is in it: for `core.disclosure`, which knows what each claim is."""
        value = make(self._value)
        return Kept(value, departures=self._departures, traveller=self.traveller, categories=categories)

    def leave(self, departure: Departure) -> T:
        """The value, for the recipient that was decided about. Raises NoDeparture."""
        recipient = departure.outgoing.recipient_id
        departure.check(self._departures, traveller=self.traveller, recipient=recipient, categories=self.categories)
        return self._value

    def for_own_use(self, use: OwnUse) -> T:
        """The value, which goes nowhere for `use`."""
        return self._value
