"""Which kinds of data, in the words of the transfer rules, each claim is."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from broker.core.identity_release import base_claim
from broker.core.predicates import PREDICATES

PSEUDONYM: Final = "pairwise_pseudonym"
"""By which a recipient knows a person; goes with every answer."""
_PREDICATE: Final = "predicate"
NUMBER: Final = "gov_id_number"
CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("name", "family_name", "given_name", "native_name"), ("name",)),
    "birthdate": ("birth_date",),
    # Kind and expiry say which document it is, so they are graded as its number.
    **dict.fromkeys(("document_type", "document_number", "document_expires"), (NUMBER,)),
    **dict.fromkeys(PREDICATES, (_PREDICATE,)),
    # What a provider fills into a form, or signs with: a certificate names its holder and may carry their number.
    "gender": ("gender",),
    "email": ("email",),
    "phone_number": ("phone",),
    "address": ("address",),
    "signature": ("name", NUMBER),
}
EVERY_CLAIM: Final = frozenset(category for categories in CATEGORIES.values() for category in categories)


@cache
def receivable(claims: frozenset[str]) -> frozenset[str]:
    """Which kinds a recipient receives, all its purposes together, that may ask for these claims and no others."""
    return frozenset(category for claim in claims for category in CATEGORIES.get(base_claim(claim), ()))


def categories_of(claims: Iterable[str]) -> tuple[str, ...]:
    """What leaves with these claims, sorted. Raises KeyError for a claim without a category: it may not leave."""
    told = (CATEGORIES[base_claim(claim)] for claim in claims)
    return tuple(sorted({PSEUDONYM}.union(*told)))
