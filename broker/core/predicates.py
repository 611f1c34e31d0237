"""Questions about a person that are answered yes or no in place of the datum itself (specs/partner-api.md 4).

Pure: the claims are those that an authority vouched for, the moment is passed in. None means that the authority said
nothing on which an answer could rest; it is never turned into a no.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from broker.core.denial import InvalidInput
from broker.wire.identity_grant import DocumentType, VerifiedClaims

OVER_18: Final = "over_18"
PERMIT_VALID: Final = "permit_valid"
RESIDENT_OF: Final = "resident_of"

BASIS: Final[Mapping[str, frozenset[str]]] = {
    OVER_18: frozenset({"birthdate"}),
    PERMIT_VALID: frozenset({"document_type", "document_expires"}),
    RESIDENT_OF: frozenset({"document_type"}),
}
"""Each predicate, and the claims its answer is taken from: none of them leaves with it."""

PREDICATES: Final = frozenset(BASIS)
JURISDICTIONS: Final = frozenset({"CN", "HK", "MO"})

_RESIDENCE: Final = {DocumentType.PRC_RESIDENT_ID: "CN", DocumentType.HKID: "HK", DocumentType.MACAU_BIR: "MO"}
_OF_AGE: Final = 18
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# A day begins at the same moment in the Mainland, Hong Kong and Macau, the year round.
_LOCAL: Final = timezone(timedelta(hours=8))


def check(name: str, argument: Any) -> None:
    """Raises InvalidInput unless `evaluate` can take this name and argument.

    `resident_of` takes a non-empty list of distinct jurisdictions (CN, HK, MO); `permit_valid` takes nothing, or the
    ISO 8601 day through which the document has to be valid; `over_18` takes nothing.
    """
    if name not in PREDICATES:
        raise InvalidInput("unknown_predicate", f"the predicates are {', '.join(sorted(PREDICATES))}")
    if name == OVER_18 and argument is not None:
        raise InvalidInput("bad_argument", "over_18 takes no argument")
    if name == PERMIT_VALID:
        _day(argument)
    if name == RESIDENT_OF:
        _jurisdictions(argument)


def evaluate(name: str, claims: VerifiedClaims, *, argument: Any = None, at: datetime) -> bool | None:
    """The answer for the person of `claims` at the moment `at`; None when it is not known. Raises InvalidInput as
    `check` does.
    """
    check(name, argument)
    today = at.astimezone(_LOCAL).date()
    if name == OVER_18:
        return _of_age_on(claims.birth_date) <= today
    if name == PERMIT_VALID:
        needed = max(today, _day(argument) or today)
        return None if claims.document_expires is None else needed <= claims.document_expires
    return not _jurisdictions(argument).isdisjoint(residences(claims))


def residences(claims: VerifiedClaims) -> tuple[str, ...]:
    """The jurisdictions whose resident the document makes its holder."""
    if claims.document_type is DocumentType.MAINLAND_TRAVEL_PERMIT:
        # Issued by the Mainland to residents of the other two, whose letter it carries.
        return ("MO",) if claims.document_number.startswith("M") else ("HK",)
    return (_RESIDENCE[claims.document_type],)


def _of_age_on(born: date) -> date:
    """The eighteenth birthday; someone born on 29 February comes of age on 1 March of a year without that day."""
    try:
        return born.replace(year=born.year + _OF_AGE)
    except ValueError:
        return date(born.year + _OF_AGE, 3, 1)


def _day(argument: Any) -> date | None:
    if argument is None:
        return None
    if isinstance(argument, str) and _DAY.fullmatch(argument):
        try:
            return date.fromisoformat(argument)
        except ValueError:
            pass
    raise InvalidInput("bad_argument", "permit_valid takes a day as 2026-11-21, or nothing")


def _jurisdictions(argument: Any) -> frozenset[str]:
    listed: Sequence[Any] = argument if isinstance(argument, list | tuple) else ()
    asked = frozenset(name for name in listed if isinstance(name, str))
    if not asked or not asked <= JURISDICTIONS or len(asked) != len(listed):
        raise InvalidInput("bad_argument", f"resident_of takes distinct ones of {', '.join(sorted(JURISDICTIONS))}")
    return asked
