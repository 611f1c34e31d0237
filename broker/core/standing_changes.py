"""Which governed changes stand at a moment, and what they say to one release.

Pure over what the database holds: a decision at any time, then or when it is looked at again, meets what stood at its
own time.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

from broker.core.change_body import Effect, ExclusionBody, Kind, TrustBody, restriction, scoring_table
from broker.core.governance.policy import Law, Policy, PolicyError
from broker.core.governance.policy_data import OverlayEdition, Restriction
from broker.core.governed_change import GovernedChange
from broker.core.special_list import Special, SpecialList
from broker.core.transfer import Trust

# Of these one stands at a time: the next in force takes the place of the one before, for good.
_REPLACING: Final = frozenset({Kind.SPECIAL_IDENTITY, Kind.SPECIAL_REGION, Kind.TRUST, Kind.SCORING})


class State(StrEnum):
    """Where a change stands, in words for its list."""

    PROPOSED = "proposed"  # a signature is missing
    LAPSED = "lapsed"  # and will not come
    COMING = "coming"  # signed, and its time has not begun
    IN_FORCE = "in_force"
    ENDED = "ended"  # over, withdrawn, or another took its place


Hashes = Callable[[SpecialList], Collection[bytes]]
"""The hashes of one person's documents under the key of a list."""


@dataclass(frozen=True, slots=True)
class Term:
    """A change with the time it stands: [begins, ends). `said`: its body, where releases ask for it."""

    change: GovernedChange
    begins: datetime
    ends: datetime
    said: TrustBody | ExclusionBody | None = None

    def covers(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


@dataclass(frozen=True)
class StandingChanges:
    """Every change that was or will be in force, as far as `since` reaches back, and the lists among them."""

    terms: tuple[Term, ...]
    lists: Mapping[UUID, SpecialList]
    _policies: list[tuple[Policy, Policy]] = field(default_factory=list, compare=False, repr=False)
    _keys: dict[UUID, bytes] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, changes: Iterable[GovernedChange], lists: Mapping[UUID, SpecialList]) -> "StandingChanges":
        return cls(terms_of(changes), lists)

    def at(self, moment: datetime) -> tuple[GovernedChange, ...]:
        """What stands then."""
        return tuple(term.change for term in self.terms if term.covers(moment))

    def state(self, change: GovernedChange, moment: datetime) -> State:
        """How it is with that change then."""
        if change.in_force_at is None:
            return State.PROPOSED if moment < change.waits_until() else State.LAPSED
        if change.kind is Kind.WITHDRAWAL:  # acts at once, and stands for nothing
            return State.COMING if moment < change.in_force_at else State.ENDED
        term = next((term for term in self.terms if term.change.change_id == change.change_id), None)
        if term is None or moment >= term.ends:
            return State.ENDED
        return State.COMING if moment < term.begins else State.IN_FORCE

    def trust(self, jurisdiction: str, at: datetime) -> Trust | None:
        """The tier that takes the place of the operator's statement, if any."""
        for term in self.terms:
            said = term.said
            if isinstance(said, TrustBody) and said.jurisdiction == jurisdiction and term.covers(at):
                return said.tier
        return None

    def identity_of(self, hashes: Hashes, at: datetime) -> Special | None:
        return self._special(Kind.SPECIAL_IDENTITY, hashes, at)

    def region_of(self, hashes: Hashes, at: datetime) -> Special | None:
        return self._special(Kind.SPECIAL_REGION, hashes, at)

    def suspends_exemptions(
        self,
        *,
        exporter: str,
        recipient: str,
        jurisdiction: str,
        categories: tuple[str, ...],
        purpose: str,
        at: datetime,
    ) -> bool:
        """Whether an exclusion in force takes the scenario exemptions from such a release."""
        return any(
            isinstance(term.said, ExclusionBody)
            and term.said.effect is Effect.SUSPEND_EXEMPTIONS
            and term.covers(at)
            and term.said.meets(
                exporter=exporter,
                recipient=recipient,
                jurisdiction=jurisdiction,
                categories=categories,
                purpose=purpose,
            )
            for term in self.terms
        )

    def policy(self, base: Policy) -> Policy:
        """The rules under which releases are decided: the law as it is, our own grading and the orders to stop as two
        operators changed them. Compiled once for each `base`.
        """
        known = next((governed for seen, governed in self._policies if seen is base), None)
        if known is None:
            known = governed(base, self.terms)
            self._policies.append((base, known))
        return known

    def list_key(self, listed: SpecialList, fetch: Callable[[UUID], bytes]) -> bytes:
        """The key of a list, fetched once. Raises what `fetch` raises."""
        key = self._keys.get(listed.change_id)
        if key is None:
            key = self._keys[listed.change_id] = fetch(listed.key_id)
        return key

    def _special(self, kind: Kind, hashes: Hashes, at: datetime) -> Special | None:
        # One list of a kind stands at a time.
        for term in self.terms:
            if term.change.kind is kind and term.covers(at):
                standing = self.lists[term.change.change_id]
                return standing.of(hashes(standing)) if standing.members else None
        return None


NOTHING: Final = StandingChanges((), {})


def terms_of(changes: Iterable[GovernedChange]) -> tuple[Term, ...]:
    """When each change in force stands, those that never did left out. Withdrawals act and stand for nothing."""
    made = sorted(
        ((change.in_force_at, change) for change in changes if change.in_force_at is not None),
        key=lambda pair: (pair[0], pair[1].change_id.bytes),
    )
    withdrawn = {
        UUID(hex=str(change.body["change"])): at for at, change in reversed(made) if change.kind is Kind.WITHDRAWAL
    }
    terms = []
    followed: dict[tuple[str, ...], datetime] = {}
    for at, change in reversed(made):
        if change.kind is Kind.WITHDRAWAL:
            continue
        subject = _subject(change)
        ends = min(change.until, withdrawn.get(change.change_id, change.until), followed.get(subject, change.until))
        if at < withdrawn.get(change.change_id, change.until):
            followed[subject] = at
        if at < ends:
            terms.append(Term(change, at, ends, _said(change)))
    return tuple(reversed(terms))


def governed(base: Policy, terms: Sequence[Term]) -> Policy:
    """`base` with the exclusions and scoring tables of `terms`, each for its own time; before and after it is the very
    law of `base`, under its hash. Raises PolicyError for a change that does not fit the rules.
    """
    orders = [_restriction(term) for term in terms if _stops(term.change)]
    tables = [_edition(term) for term in terms if term.change.kind is Kind.SCORING]
    if not orders and not tables:
        return base
    known = {category.id for category in base.data.category}
    for names in (*(order.categories for order in orders), *(table.graded_quantity for table in tables)):
        if unknown := set(names) - known:
            raise PolicyError(f"no rule knows these categories: {', '.join(sorted(unknown))}")
    edges = {edge for dated in (*orders, *tables) for edge in (dated.since, dated.until) if edge is not None}
    boundaries = tuple(sorted({*base.boundaries, *edges}))
    return Policy(base.data, boundaries, tuple(_law(base, orders, tables, at) for at in boundaries))


def _law(base: Policy, orders: Sequence[Restriction], tables: Sequence[OverlayEdition], at: datetime) -> Law | None:
    try:
        law = base.at(at)
    except PolicyError:
        return None  # before there was any
    met = tuple(order for order in orders if order.in_force(at))
    overlay = next((table for table in tables if table.in_force(at)), law.overlay)
    if not met and overlay is law.overlay:
        return law
    return replace(law, overlay=overlay, restrictions=(*law.restrictions, *met))


def _subject(change: GovernedChange) -> tuple[str, ...]:
    """What a later change takes the place of; an exclusion stands beside others."""
    if change.kind not in _REPLACING:
        return (change.kind, change.change_id.hex)
    return (change.kind, str(change.body["jurisdiction"])) if change.kind is Kind.TRUST else (change.kind,)


def _said(change: GovernedChange) -> TrustBody | ExclusionBody | None:
    if change.kind is Kind.TRUST:
        return TrustBody.model_validate(change.body)
    return ExclusionBody.model_validate(change.body) if change.kind is Kind.EXCLUSION else None


def _stops(change: GovernedChange) -> bool:
    return change.kind is Kind.EXCLUSION and change.body["effect"] != Effect.SUSPEND_EXEMPTIONS


def _restriction(term: Term) -> Restriction:
    name = _name(term.change)
    body = ExclusionBody.model_validate(term.change.body)
    return restriction(body, id=name, since=term.begins, until=term.ends, cite=f"Emergency exclusion: {name}")


def _edition(term: Term) -> OverlayEdition:
    name = _name(term.change)
    return scoring_table(
        cast(Mapping[str, object], term.change.body),
        since=term.begins,
        until=term.ends,
        version=name,
        cite=f"Tongguan sensitivity and quantity grading: {name}",
    )


def _name(change: GovernedChange) -> str:
    return f"governed change {change.change_id.hex[:16]}"
