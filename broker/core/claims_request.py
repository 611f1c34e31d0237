"""The `claims` parameter (OpenID Connect Core 5.5) with `verified_claims` (OpenID Connect for Identity Assurance), as
checked JSON, and what it asks for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from broker.core.identity_release import canonical_claim

JSON = Any

VERIFIED: Final = "verified_claims"
PLACES: Final = ("userinfo", "id_token")
MAX_MEMBERS: Final = 64
_MAX_DEPTH: Final = 8
_CONDITIONS: Final = frozenset({"value", "values", "max_age", "essential"})
_TEXTS: Final = frozenset({"sub", "acr"})  # read by value_of


class InvalidClaimsRequest(ValueError):
    """Not a `claims` parameter. The text names no value sent."""


def read_claims_request(document: object) -> dict[str, JSON]:
    """The two members we read, checked for form. Raises InvalidClaimsRequest."""
    if not isinstance(document, Mapping) or _depth(document) > _MAX_DEPTH:
        raise InvalidClaimsRequest("claims is a JSON object of little depth")
    found: dict[str, JSON] = {}
    for place in PLACES:
        members = document.get(place)
        if members is None:
            continue
        if not isinstance(members, Mapping) or len(members) > MAX_MEMBERS:
            raise InvalidClaimsRequest(f"{place} holds at most {MAX_MEMBERS} claims")
        for name, value in members.items():
            if name == VERIFIED:
                _check_verified(value)
            else:
                _check_member(name, value)
        found[place] = dict(members)
    return found


def names(request: Mapping[str, JSON] | None, place: str) -> frozenset[str]:
    """The released claims asked for plainly in one place."""
    return frozenset(name for name, _ in _members(request, place))


def essential(request: Mapping[str, JSON] | None) -> frozenset[str]:
    """Those marked essential anywhere (5.5.1)."""
    found = {name for place in PLACES for name, value in _members(request, place) if (value or {}).get("essential")}
    return frozenset(found)


def value_of(request: Mapping[str, JSON] | None, place: str, name: str) -> Sequence[str]:
    """The value or values asked for of `sub` or `acr`; empty when none."""
    member = ((request or {}).get(place) or {}).get(name) or {}
    return [member["value"]] if "value" in member else list(member.get("values", ()))


def is_essential(request: Mapping[str, JSON] | None, place: str, name: str) -> bool:
    return bool((((request or {}).get(place) or {}).get(name) or {}).get("essential"))


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """One `verified_claims` element: conditions on the verification, and the claims wanted under it."""

    verification: Mapping[str, JSON]
    claims: frozenset[str]


def verified(request: Mapping[str, JSON] | None, place: str) -> tuple[VerifiedRequest, ...]:
    asked = ((request or {}).get(place) or {}).get(VERIFIED)
    elements = asked if isinstance(asked, list) else [asked] if asked is not None else []
    return tuple(
        VerifiedRequest(element.get("verification") or {}, frozenset(_known(element.get("claims") or {})))
        for element in elements
    )


def satisfies(asked: JSON, actual: JSON, *, at: datetime) -> bool:
    """Whether an element of a verification meets what was asked of it: null asks for its presence, `value` and `values`
    for equality, `max_age` for seconds since a time, objects and arrays for each of their members.
    """
    if asked is None:
        return actual is not None
    if isinstance(asked, list):
        return isinstance(actual, list) and all(any(satisfies(a, b, at=at) for b in actual) for a in asked)
    if not isinstance(asked, Mapping):
        return bool(asked == actual)
    if asked.keys() & _CONDITIONS:
        return _meets(asked, actual, at)
    return isinstance(actual, Mapping) and all(satisfies(asked[name], actual.get(name), at=at) for name in asked)


def render(
    requests: Sequence[VerifiedRequest], values: Mapping[str, JSON], verification: Mapping[str, JSON], *, at: datetime
) -> list[dict[str, JSON]]:
    """The `verified_claims` elements for the requests that are met; the one kind of trust we have answers each."""
    found = []
    for request in requests:
        claims = {name: values[name] for name in sorted(request.claims) if name in values}
        if claims and satisfies(dict(request.verification), dict(verification), at=at):
            found.append({"verification": dict(verification), "claims": claims})
    return found


def _meets(asked: Mapping[str, JSON], actual: JSON, at: datetime) -> bool:
    if actual is None:
        return not asked.get("essential", True) and not asked.keys() & {"value", "values", "max_age"}
    if "value" in asked and asked["value"] != actual:
        return False
    if "values" in asked and actual not in asked["values"]:
        return False
    if "max_age" in asked:
        try:
            moment = datetime.fromisoformat(str(actual).replace("Z", "+00:00"))
            return moment.tzinfo is not None and moment + timedelta(seconds=float(asked["max_age"])) >= at
        except (ValueError, OverflowError, TypeError):
            return False
    return True


def _members(request: Mapping[str, JSON] | None, place: str) -> Iterator[tuple[str, JSON]]:
    for name, value in ((request or {}).get(place) or {}).items():
        canonical = canonical_claim(name)
        if canonical is not None:
            yield canonical, value


def _known(claims: Mapping[str, JSON]) -> Iterator[str]:
    return (canonical for name in claims if (canonical := canonical_claim(name)) is not None)


def _check_member(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise InvalidClaimsRequest("a claim is asked for by null or an object")
    _check_condition(value)
    if name in _TEXTS:
        asked = [*([value["value"]] if "value" in value else []), *value.get("values", ())]
        if not all(isinstance(one, str) for one in asked):
            raise InvalidClaimsRequest(f"{name} is a string")


def _check_verified(value: object) -> None:
    elements = value if isinstance(value, list) else [value]
    if not 1 <= len(elements) <= MAX_MEMBERS:
        raise InvalidClaimsRequest("verified_claims asks for something")
    for element in elements:
        if not isinstance(element, Mapping):
            raise InvalidClaimsRequest("verified_claims is an object, or an array of them")
        verification, claims = element.get("verification"), element.get("claims")
        if not isinstance(verification, Mapping) or not isinstance(claims, Mapping) or not claims:
            raise InvalidClaimsRequest("verified_claims holds verification and claims")
        if len(claims) > MAX_MEMBERS:
            raise InvalidClaimsRequest("verified_claims asks for too much")
        _check_verification(verification)
        for name, member in claims.items():
            _check_member(name, member)


def _check_verification(asked: JSON) -> None:
    """Conditions wherever they stand: `satisfies` takes their form for granted."""
    if isinstance(asked, list):
        for member in asked:
            _check_verification(member)
    elif isinstance(asked, Mapping) and asked.keys() & _CONDITIONS:
        _check_condition(asked)
    elif isinstance(asked, Mapping):
        for member in asked.values():
            _check_verification(member)


def _check_condition(asked: Mapping[str, JSON]) -> None:
    """The members of Core 5.5.1, and `max_age` (OpenID Connect for Identity Assurance 6)."""
    if not isinstance(asked.get("essential", False), bool):
        raise InvalidClaimsRequest("essential is true or false")
    if not isinstance(asked.get("values", []), list):
        raise InvalidClaimsRequest("values is an array")
    seconds = asked.get("max_age", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidClaimsRequest("max_age is a number of seconds")


def _depth(value: object, level: int = 1) -> int:
    if level > _MAX_DEPTH or not isinstance(value, Mapping | list):
        return level
    members = value.values() if isinstance(value, Mapping) else value
    return max((_depth(member, level + 1) for member in members), default=level)
