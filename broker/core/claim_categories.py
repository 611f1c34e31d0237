"""Which kind of data, in the words of the transfer rules, each claim is."""

from collections.abc import Iterable, Mapping
from typing import Final

from broker.core.identity_release import base_claim
from broker.core.predicates import PREDICATES

_PSEUDONYM: Final = "pairwise_pseudonym"  # goes with every answer
_PREDICATE: Final = "predicate"
CATEGORIES: Final[Mapping[str, str]] = {
    "name": "name",
    "family_name": "name",
    "given_name": "name",
    "native_name": "name",
    "birthdate": "birth_date",
    # Kind and expiry say which document it is, so they are graded as its number.
    "document_type": "gov_id_number",
    "document_number": "gov_id_number",
    "document_expires": "gov_id_number",
    **dict.fromkeys(PREDICATES, _PREDICATE),
}


def categories_of(claims: Iterable[str]) -> tuple[str, ...]:
    """What leaves with these claims, sorted. Raises KeyError for a claim without a category: it may not leave."""
    return tuple(sorted({_PSEUDONYM, *(CATEGORIES[base_claim(claim)] for claim in claims)}))
