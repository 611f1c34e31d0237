"""From a person's verified claims to the values that leave, and no others (specs/consent-record.md 7).

A predicate leaves as its answer and a comparison as yes or no, never as the datum behind it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from broker.core.claim_categories import categories_of
from broker.core.claim_item import JSON, Item
from broker.core.comparison import agrees
from broker.core.departure import Kept
from broker.core.identity_release import base_claim
from broker.core.predicates import PREDICATES, RESIDENT_OF, evaluate, residences
from broker.wire.identity_grant import VerifiedClaims


class Uncovered(Exception):
    """A value was about to leave without a consent that names it: a mistake of ours, so nothing leaves."""


def disclose(
    claims: Kept[VerifiedClaims], items: Mapping[str, Item], *, covered: frozenset[str], at: datetime
) -> Kept[dict[str, JSON]]:
    """The values by name, kept as what these items are; what the authority does not say is left out. Raises Uncovered
    for an item that rests on anything outside `covered`.
    """
    for name, item in items.items():
        if not item.rests_on or not item.rests_on <= covered:
            raise Uncovered(name)

    def values(said: VerifiedClaims) -> dict[str, JSON]:
        found = {name: _value(said, item, at) for name, item in items.items()}
        return {name: value for name, value in found.items() if value is not None}

    return claims.narrowed(categories_of(item.claim for item in items.values()), values)


def _value(claims: VerifiedClaims, item: Item, at: datetime) -> JSON:
    if item.claim == RESIDENT_OF and item.argument is None:
        return list(residences(claims))
    if item.claim in PREDICATES:
        return evaluate(item.claim, claims, argument=item.argument, at=at)
    if item.stated is not None:
        compared = base_claim(item.claim)
        actual = _DATA[compared](claims)
        return agrees(compared, item.stated, None if actual is None else str(actual))
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
