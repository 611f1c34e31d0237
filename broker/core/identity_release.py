"""Rich authorization of type `identity_release` (RFC 9396 2): which claims, for which purpose, to whom, kept how long,
read how often (specs/authorization-server.md 5).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from broker.core.comparison import MATCHES, MATCHING
from broker.core.departure import Departure
from broker.core.duration import format_duration, parse_duration
from broker.core.predicates import PERMIT_VALID, PREDICATES, RESIDENT_OF

JSON = Any

TYPE: Final = "identity_release"
MAX_DETAILS: Final = 8
MAX_CLAIMS: Final = 32
MAX_RETENTION: Final = timedelta(days=3660)
CLAIMS: Final = (
    frozenset({"name", "family_name", "given_name", "native_name", "birthdate"})
    | frozenset({"document_type", "document_number", "document_expires"})
    | PREDICATES
)
"""Every claim that may be asked for; a predicate also with its argument, as `resident_of:CN,HK`, and whatever can be
compared also as `matches:family_name`.
"""

APPROVED: Final = frozenset({"gender", "email", "phone_number", "address", "signature"})
"""What only a provider gives, on an approval of its own (specs/partner-api.md 8): no client asks for it here."""

_MEMBERS: Final = frozenset({"type", "claims", "optional", "purpose", "recipient", "retention", "frequency"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_ARGUMENTS: Final = {
    RESIDENT_OF: re.compile(r"[A-Z]{2}(,[A-Z]{2}){0,7}"),
    PERMIT_VALID: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}


class InvalidRelease(ValueError):
    """A detail that RFC 9396 5 answers with `invalid_authorization_details`. The text names no value sent."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """At most `times` reads in any interval `per`."""

    times: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class IdentityRelease:
    """One release a client asks for. `optional` is the part of `claims` it can do without; without `frequency` the
    claims are read once.
    """

    purpose: str
    recipient: str
    claims: frozenset[str]
    retention: timedelta
    frequency: Frequency | None = None
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReleasedClaims:
    """What left, under which consents, and the leaves of its journal entries. `verification` is the OpenID Connect for
    Identity Assurance description of how the values were verified (specs/identity-grant.md).
    """

    values: Mapping[str, JSON] = field(repr=False)
    consents: tuple[UUID, ...] = ()
    journal_leaves: tuple[bytes, ...] = ()
    verification: Mapping[str, JSON] | None = None
    consent_grants: tuple[str, ...] = field(default=(), repr=False)
    """For each release of more than answers to predicates, the signed consent grant (specs/consent-grant.md)."""
    departures: tuple[Departure, ...] = field(default=(), repr=False)
    """The decisions by which it left."""


def read_details(details: object) -> tuple[IdentityRelease, ...]:
    """The parameter `authorization_details`, already parsed as JSON (RFC 9396 2). Raises InvalidRelease."""
    if not isinstance(details, list) or not 1 <= len(details) <= MAX_DETAILS:
        raise InvalidRelease(f"authorization_details is an array of 1 to {MAX_DETAILS} objects")
    releases = tuple(read_detail(detail) for detail in details)
    if len({(release.purpose, release.recipient) for release in releases}) != len(releases):
        raise InvalidRelease("one detail for each purpose and recipient")
    return releases


def read_detail(detail: object, *, known: frozenset[str] = CLAIMS) -> IdentityRelease:
    """One object of the array, with claims of `known`. Raises InvalidRelease; unknown members are refused (RFC 9396
    5).
    """
    if not isinstance(detail, dict) or detail.get("type") != TYPE:
        raise InvalidRelease(f"the only type is {TYPE}")
    if not detail.keys() <= _MEMBERS:
        raise InvalidRelease("a detail has a member that is not known")
    claims = _claims(detail.get("claims"), "claims", known)
    optional = _claims(detail["optional"], "optional", known) if "optional" in detail else frozenset[str]()
    if not claims:
        raise InvalidRelease("claims names at least one claim")
    if not optional <= claims:
        raise InvalidRelease("optional is a part of claims")
    retention = _duration(detail.get("retention"), "retention")
    if retention > MAX_RETENTION:
        raise InvalidRelease("retention is at most ten years")
    return IdentityRelease(
        purpose=_name(detail.get("purpose"), "purpose"),
        recipient=_name(detail.get("recipient"), "recipient"),
        claims=claims,
        retention=retention,
        frequency=_frequency(detail["frequency"]) if "frequency" in detail else None,
        optional=optional,
    )


def detail_of(release: IdentityRelease) -> dict[str, JSON]:
    """The release as RFC 9396 shows it to clients; `read_detail` reads it back."""
    detail: dict[str, JSON] = {
        "type": TYPE,
        "claims": sorted(release.claims),
        "purpose": release.purpose,
        "recipient": release.recipient,
        "retention": format_duration(release.retention),
    }
    if release.optional:
        detail["optional"] = sorted(release.optional)
    if release.frequency is not None:
        detail["frequency"] = {"times": release.frequency.times, "per": format_duration(release.frequency.per)}
    return detail


def details_of(releases: Sequence[IdentityRelease]) -> list[dict[str, JSON]]:
    return [detail_of(release) for release in releases]


def canonical_claim(name: str, known: frozenset[str] = CLAIMS) -> str | None:
    """The claim's one spelling (arguments sorted, each once), or None when there is no such claim."""
    base, colon, argument = name.partition(":")
    if base not in known:
        return None
    if not colon:
        return base
    form = _ARGUMENTS.get(base)
    if form is None or not form.fullmatch(argument):
        return None
    return f"{base}:{','.join(sorted(set(argument.split(','))))}"


def base_claim(name: str) -> str:
    """The claim without its argument, and of a comparison the claim that is compared: what a client's ceiling names."""
    return name.removeprefix(MATCHES).partition(":")[0]


def _claims(value: object, what: str, known: frozenset[str]) -> frozenset[str]:
    if not isinstance(value, list) or len(value) > MAX_CLAIMS:
        raise InvalidRelease(f"{what} is an array of at most {MAX_CLAIMS} claim names")
    names = {_asked(name, known) if isinstance(name, str) else None for name in value}
    if None in names:
        raise InvalidRelease(f"{what} names a claim that is not known")
    return frozenset(name for name in names if name is not None)


def _asked(name: str, known: frozenset[str]) -> str | None:
    """Only here can a comparison be asked for: it is agreed to by itself, and answered to whoever states a value."""
    return name if name in MATCHING and base_claim(name) in known else canonical_claim(name, known)


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidRelease(f"{what} is required")
    return value


def _frequency(value: object) -> Frequency:
    if not isinstance(value, dict) or value.keys() != {"times", "per"}:
        raise InvalidRelease("frequency holds times and per")
    times = value["times"]
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 10_000:
        raise InvalidRelease("times is a number from 1 to 10000")
    per = _duration(value["per"], "per")
    if not timedelta(minutes=1) <= per <= MAX_RETENTION:
        raise InvalidRelease("per is at least a minute and at most ten years")
    return Frequency(times, per)


def _duration(value: object, what: str) -> timedelta:
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except (ValueError, OverflowError) as error:
        raise InvalidRelease(f"{what} is a duration such as P30D or PT1H") from error
