"""What a partner asks of a person's claims, one item each, and which consented claims it rests on.

A predicate is answered under a consent that names it, with the very argument, or that names every claim its answer is
taken from. A plain `resident_of` answers for every argument, because the list itself may leave under it; a plain
`permit_valid` does not, because days asked one after another would find the day of expiry.

A comparison is answered for a stated value alone, under a consent to it or to the claim that is compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.core.comparison import MATCHING
from broker.core.identity_release import base_claim, canonical_claim
from broker.core.predicates import BASIS, PREDICATES, RESIDENT_OF

JSON = Any


@dataclass(frozen=True, slots=True)
class Item:
    """One value to tell: what is asked, with which argument, and the consented claims it rests on (never empty).
    `stated`: what a comparison compares with.
    """

    claim: str
    argument: JSON
    rests_on: frozenset[str]
    stated: str | None = field(default=None, repr=False)


def itemise(
    wanted: frozenset[str] | None, granted: frozenset[str], arguments: Mapping[str, JSON] | None = None
) -> Mapping[str, Item]:
    """What of `wanted` (None: everything) the claims `granted` allow, by the name it was asked by.

    `arguments` are those of predicates and the values that comparisons state, by name. Raises InvalidInput for an
    argument that no predicate takes.
    """
    found = {}
    for name in granted if wanted is None else wanted:
        item = _item(name, granted, (arguments or {}).get(name))
        if item is not None:
            found[name] = item
    return found


def _item(name: str, granted: frozenset[str], argument: JSON) -> Item | None:
    if name in MATCHING:
        relied = next((one for one in (name, base_claim(name)) if one in granted), None)
        return None if relied is None or argument is None else Item(name, None, frozenset({relied}), str(argument))
    base, _, spelled = name.partition(":")
    if base not in PREDICATES:
        return Item(base, None, frozenset({name})) if name in granted else None
    stated = argument if argument is not None else _argument(base, spelled)
    exact = base if stated is None else canonical_claim(f"{base}:{_spelling(stated)}")
    plain = {base} if base == RESIDENT_OF else {exact}
    for basis in ({exact}, plain, BASIS[base]):
        if basis <= granted:
            return Item(base, stated, frozenset(one for one in basis if one is not None))
    return None


def _argument(base: str, spelled: str) -> JSON:
    if not spelled:
        return None
    return spelled.split(",") if base == RESIDENT_OF else spelled


def _spelling(argument: JSON) -> str:
    return ",".join(map(str, argument)) if isinstance(argument, list | tuple) else str(argument)
