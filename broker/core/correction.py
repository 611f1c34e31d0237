"""Which released claims change when an authority says something else about a person (specs/rights.md 6)."""

from collections.abc import Iterable, Mapping
from typing import Final

from broker.wire.identity_grant import VerifiedClaims

# What an authority says, and everything that is released from it.
_RELEASED: Final[Mapping[str, frozenset[str]]] = {
    "family_name": frozenset({"family_name", "name"}),
    "given_name": frozenset({"given_name", "name"}),
    "native_name": frozenset({"native_name", "name"}),
    "birth_date": frozenset({"birthdate", "over_18"}),
    "document_type": frozenset({"document_type", "resident_of"}),
    "document_number": frozenset({"document_number"}),
    "document_expires": frozenset({"document_expires", "permit_valid"}),
}


def released_from(names: Iterable[str]) -> frozenset[str]:
    """Every claim that rests on these. Raises KeyError for what no authority says."""
    return frozenset[str]().union(*(_RELEASED[name] for name in names))


def changed_claims(before: VerifiedClaims, now: VerifiedClaims) -> frozenset[str]:
    """The claims whose released value may be another one now. What was not said before was wrong nowhere."""
    differ = (
        name for name in _RELEASED if getattr(before, name) is not None and getattr(before, name) != getattr(now, name)
    )
    return released_from(differ)
