"""From a person's verified claims to the values that leave, and no others (specs/consent-record.md 7).

A predicate leaves as its answer, never as the datum behind it. It is answered under a consent that names it, with the
very argument or without one, or that names every claim its answer is taken from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broker.core.identity_release import canonical_claim
from broker.core.predicates import BASIS, PREDICATES, RESIDENT_OF, evaluate, residences
from broker.wire.identity_grant import VerifiedClaims

JSON = Any


class Uncovered(Exception):
    """A value was about to leave without a consent that names it: a mistake of ours, so nothing leaves."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value to tell: what is asked, with which argument, and the consented claims it rests on (never empty)."""

    claim: str
    argument: JSON
    rests_on: frozenset[str]


def itemise(
    wanted: frozenset[str] | None, granted: frozenset[str], arguments: Mapping[str, JSON] | None = None
) -> Mapping[str, Item]:
    """What of `wanted` (None: everything) the claims `granted` allow, by the name it was asked by.

    `arguments` are those of predicates, by name. Raises InvalidInput for an argument that no predicate takes.
    """
    found = {}
    for name in granted if wanted is None else wanted:
        item = _item(name, granted, (arguments or {}).get(name))
        if item is not None:
            found[name] = item
    return found


def disclose(
    claims: VerifiedClaims, items: Mapping[str, Item], *, covered: frozenset[str], at: datetime
) -> dict[str, JSON]:
    """The values by name; what the authority does not say is left out. Raises Uncovered for an item that rests on
    anything outside `covered`.
    """
    for name, item in items.items():
        if not item.rests_on or not item.rests_on <= covered:
            raise Uncovered(name)
    values = {name: _value(claims, item, at) for name, item in items.items()}
    return {name: value for name, value in values.items() if value is not None}


def _item(name: str, granted: frozenset[str], argument: JSON) -> Item | None:
    base, _, spelled = name.partition(":")
    if base not in PREDICATES:
        return Item(base, None, frozenset({name})) if name in granted else None
    stated = argument if argument is not None else _argument(base, spelled)
    exact = base if stated is None else canonical_claim(f"{base}:{_spelling(stated)}")
    for relied in ({exact}, {base}, BASIS[base]):
        if relied <= granted:
            return Item(base, stated, frozenset(one for one in relied if one is not None))
    return None


def _argument(base: str, spelled: str) -> JSON:
    if not spelled:
        return None
    return spelled.split(",") if base == RESIDENT_OF else spelled


def _spelling(argument: JSON) -> str:
    return ",".join(map(str, argument)) if isinstance(argument, list | tuple) else str(argument)


def _value(claims: VerifiedClaims, item: Item, at: datetime) -> JSON:
    if item.claim == RESIDENT_OF and item.argument is None:
        return list(residences(claims))
    if item.claim in PREDICATES:
        return evaluate(item.claim, claims, argument=item.argument, at=at)
    return _DATA[item.claim](claims) if item.claim in _DATA else None


_DATA: Final[Mapping[str, Callable[[VerifiedClaims], JSON]]] = {
    "name": lambda claims: claims.display_name,
    "family_name": lambda claims: claims.family_name,
    "given_name": lambda claims: claims.given_name,
    "native_name": lambda claims: claims.native_name,
    "birthdate": lambda claims: claims.birth_date.isoformat(),
    "document_type": lambda claims: claims.document_type.value,
    "document_number": lambda claims: claims.document_number,
    "document_expires": lambda claims: None if claims.document_expires is None else claims.document_expires.isoformat(),
}
