"""Rules as data: read, validated, dated and hashed. `Policy.at(instant)` is the law of that instant.

A change is a new edition of a rule with a later `from`; editions that were in force are left alone, so a past release
decides as it did and under the same hash.
"""

import hashlib
import json
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import resources
from itertools import pairwise
from typing import Any, Self

from pydantic import ValidationError

from broker.core.governance.calendar import Calendar
from broker.core.governance.facts import FactsError
from broker.core.governance.policy_data import Category, Dated, OverlayEdition, PolicyFile, Provision, Restriction
from broker.core.governance.rules import NUMBERS, TERMS, Rule

MAINLAND = "CN"


class PolicyError(Exception):
    """The rules cannot decide: none are in force, one is missing, or the data is wrong. Nothing is permitted."""


@dataclass(frozen=True)
class Law:
    """The rules in force at one instant.

    `hash` is SHA-256 (hex) over all of them and nothing else: not over when they will end, which is learnt later.
    """

    provisions: Mapping[Rule, Provision]
    categories: Mapping[str, Category]
    overlay: OverlayEdition
    restrictions: tuple[Restriction, ...]
    calendars: Mapping[str, Calendar]

    def rule(self, rule: Rule) -> Provision:
        """The edition in force. Raises PolicyError when there is none: the caller cannot decide without it."""
        try:
            return self.provisions[rule]
        except KeyError:
            raise PolicyError(f"rule {rule} is not in force at that time") from None

    def find(self, rule: Rule) -> Provision | None:
        """The edition in force, or None where the law has not begun or has ended."""
        return self.provisions.get(rule)

    def categories_of(self, names: Iterable[str]) -> tuple[Category, ...]:
        """Each named category once, in the order given. Raises FactsError for a name the rules do not classify."""
        try:
            return tuple(self.categories[name] for name in dict.fromkeys(names))
        except KeyError as error:
            known = ", ".join(sorted(self.categories))
            raise FactsError(f"unknown data category {error.args[0]!r}; known: {known}") from None

    @property
    def calendar(self) -> Calendar:
        """The Mainland's working days, on which its authorities' periods run."""
        return self.calendars[MAINLAND]

    @cached_property
    def hash(self) -> str:
        parts: dict[str, Any] = {
            "provisions": [p.model_dump(mode="json", exclude={"until"}) for _, p in sorted(self.provisions.items())],
            "categories": [c.model_dump(mode="json", exclude={"until"}) for _, c in sorted(self.categories.items())],
            "overlay": self.overlay.model_dump(mode="json", exclude={"until"}),
            "restrictions": [r.model_dump(mode="json", exclude={"until"}) for r in self.restrictions],
        }
        text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Policy:
    """All editions of all rules, and the law between any two of their boundaries, worked out once."""

    data: PolicyFile
    boundaries: tuple[datetime, ...]
    laws: tuple[Law | None, ...]

    @classmethod
    def load(cls, texts: Sequence[str] | None = None) -> Self:
        """From TOML texts, or from the packaged data. Raises PolicyError unless every rule is there and sound."""
        merged = PolicyFile()
        for text in _packaged() if texts is None else texts:
            try:
                merged = merged.merged(PolicyFile.model_validate(tomllib.loads(text)))
            except (tomllib.TOMLDecodeError, ValidationError) as error:
                raise PolicyError(f"the rule data is not valid: {error}") from error
        return cls.of(merged)

    @classmethod
    def of(cls, data: PolicyFile) -> Self:
        """Checked and compiled. Raises PolicyError for an empty, incomplete or contradictory policy."""
        _check(data)
        dated: list[Dated] = [*data.provision, *data.category, *data.overlay, *data.restriction]
        edges = {d.since for d in dated} | {d.until for d in dated if d.until is not None}
        boundaries = tuple(sorted(edges))
        return cls(data, boundaries, tuple(_law(data, start) for start in boundaries))

    def at(self, instant: datetime) -> Law:
        """The law of that instant (aware). Raises PolicyError when no complete law was in force."""
        place = bisect_right(self.boundaries, instant) - 1
        law = self.laws[place] if place >= 0 else None
        if law is None:
            raise PolicyError(f"no rules are in force at {instant.isoformat()}")
        return law

    def with_restriction(self, restriction: Restriction) -> Self:
        """The same policy and one restriction more; it can only tighten."""
        return self.of(self.data.merged(PolicyFile(restriction=(restriction,))))

    def with_edition(self, provision: Provision) -> Self:
        """The same policy after a change of law: the open edition of the rule ends where `provision` begins.

        Raises PolicyError when that would rewrite an edition instead of following it.
        """
        if any(p.id is provision.id and p.until is None and provision.since <= p.since for p in self.data.provision):
            raise PolicyError(f"an edition of {provision.id} from {provision.since.isoformat()} would rewrite the past")
        kept = tuple(
            p.model_copy(update={"until": provision.since}) if p.id is provision.id and p.until is None else p
            for p in self.data.provision
        )
        return self.of(self.data.model_copy(update={"provision": (*kept, provision)}))


def _packaged() -> list[str]:
    folder = resources.files("broker.core.governance") / "data"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return [file.read_text(encoding="utf-8") for file in files]


def _law(data: PolicyFile, instant: datetime) -> Law | None:
    """The law from `instant` on; None when it has no overlay or no categories, so that nothing can be decided."""
    overlay = [o for o in data.overlay if o.in_force(instant)]
    categories = {c.id: c for c in data.category if c.in_force(instant)}
    provisions = {p.id: p for p in data.provision if p.in_force(instant)}
    if not overlay or not categories or not provisions:
        return None
    restrictions = tuple(r for r in data.restriction if r.in_force(instant))
    places = {MAINLAND, *(year.jurisdiction for year in data.calendar)}
    calendars = {place: Calendar.of(y for y in data.calendar if y.jurisdiction == place) for place in places}
    return Law(provisions, categories, overlay[0], restrictions, calendars)


def _check(data: PolicyFile) -> None:
    if missing := set(Rule) - {p.id for p in data.provision}:
        raise PolicyError(f"the policy has no data for: {', '.join(sorted(missing))}")
    for provision in data.provision:
        if set(provision.numbers) != NUMBERS.get(provision.id, frozenset()):
            raise PolicyError(f"{provision.id} must state exactly the numbers {sorted(NUMBERS.get(provision.id, ()))}")
        if set(provision.terms) != TERMS.get(provision.id, frozenset()):
            raise PolicyError(f"{provision.id} must state exactly the terms {sorted(TERMS.get(provision.id, ()))}")
    known = {c.id for c in data.category}
    for edition in data.overlay:
        if unknown := set(edition.graded_quantity) - known:
            raise PolicyError(f"the overlay grades unknown categories: {', '.join(sorted(unknown))}")
    for restriction in data.restriction:
        if unknown := set(restriction.categories) - known:
            raise PolicyError(f"restriction {restriction.id} names unknown categories: {', '.join(sorted(unknown))}")
    _disjoint("rule", [(p.id.value, p) for p in data.provision])
    _disjoint("category", [(c.id, c) for c in data.category])
    _disjoint("overlay", [("overlay", o) for o in data.overlay])


def _disjoint(what: str, dated: Sequence[tuple[str, Dated]]) -> None:
    """Raises PolicyError when two editions of one thing are in force together."""
    ordered = sorted(dated, key=lambda pair: (pair[0], pair[1].since))
    for (name, first), (other, second) in pairwise(ordered):
        if name == other and (first.until is None or first.until > second.since):
            raise PolicyError(f"two editions of {what} {name} are in force at {second.since.isoformat()}")
