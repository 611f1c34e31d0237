"""A partner agency: who it is, and the ceilings above which nothing of it may rise (specs/partner-api.md 2).

A ceiling is set by the operator. A client of the partner has ceilings of its own, never higher; a consent can only
cover what lies beneath both.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from broker.core.denial import InvalidInput
from broker.core.zone import BROKER, LANGUAGES

MAX_ENTRIES: Final = 64
"""How many scopes, purposes or claims one ceiling may name."""

_PARTNER_ID: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_:.-]{0,63}")
_JURISDICTION: Final = re.compile(r"[A-Z]{2}")
_MAX_TEXT: Final = 200
_MAX_URL: Final = 500


class PartnerStatus(StrEnum):
    """Only an active partner gets anything."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class PartnerKind(StrEnum):
    """What the law calls the receiver (PIPL arts. 33 to 37 treat state organs apart)."""

    COMPANY = "company"
    STATE_ORGAN = "state_organ"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most that may be asked for."""

    scopes: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for what in (self.scopes, self.purposes, self.claims):
            if len(what) > MAX_ENTRIES or not all(_NAME.fullmatch(name) for name in what):
                raise InvalidInput("bad_ceiling", f"at most {MAX_ENTRIES} lower-case names of at most 64 characters")

    def within(self, other: "Ceilings") -> bool:
        """Whether nothing here rises above `other`."""
        return self.scopes <= other.scopes and self.purposes <= other.purposes and self.claims <= other.claims

    def clipped(self, other: "Ceilings") -> "Ceilings":
        """What of this lies beneath `other` too."""
        return Ceilings(self.scopes & other.scopes, self.purposes & other.purposes, self.claims & other.claims)


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner. `sandbox`: it meets invented people only. `jwks` is the key set last fetched from `jwks_uri`, or the
    one that was registered by value.
    """

    partner_id: str
    names: Mapping[str, str]
    contact: str
    jurisdiction: str
    kind: PartnerKind
    sandbox: bool
    ceilings: Ceilings
    created_at: datetime
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    jwks_at: datetime | None = None
    webhook_url: str | None = None
    status: PartnerStatus = PartnerStatus.ACTIVE
    status_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _PARTNER_ID.fullmatch(self.partner_id) or self.partner_id == BROKER:
            raise InvalidInput("bad_partner_id", "2 to 40 lower-case letters, digits and hyphens, a letter first")
        if set(self.names) != set(LANGUAGES) or not all(_printable(name) for name in self.names.values()):
            raise InvalidInput("bad_names", f"a name in each of {', '.join(LANGUAGES)}")
        if not _printable(self.contact):
            raise InvalidInput("bad_contact", "a contact of at most 200 characters")
        if not _JURISDICTION.fullmatch(self.jurisdiction):
            raise InvalidInput("bad_jurisdiction", "the two letters of ISO 3166-1")
        for url in (self.jwks_uri, self.webhook_url):
            if url is not None:
                check_partner_url(url, sandbox=self.sandbox)

    @property
    def active(self) -> bool:
        return self.status is PartnerStatus.ACTIVE


def check_partner_url(url: str, *, sandbox: bool) -> None:
    """Raises InvalidInput unless the broker may call this address: https, no credentials, no fragment. In a sandbox
    plain http is allowed too; which hosts may be reached is decided when the address is called.
    """
    parts = urlsplit(url)
    schemes = {"https", "http"} if sandbox else {"https"}
    if len(url) > _MAX_URL or not url.isascii() or any(character <= " " for character in url):
        raise InvalidInput("bad_url", "an address of at most 500 ASCII characters")
    if parts.scheme not in schemes or not parts.hostname or parts.fragment or parts.username or parts.password:
        raise InvalidInput("bad_url", f"{' or '.join(sorted(schemes))}, a host, and neither user nor fragment")


def ceilings_of(scopes: Iterable[str], purposes: Iterable[str], claims: Iterable[str]) -> Ceilings:
    """Raises InvalidInput."""
    return Ceilings(frozenset(scopes), frozenset(purposes), frozenset(claims))


def _printable(text: str) -> bool:
    return 0 < len(text) <= _MAX_TEXT and text.isprintable() and bool(text.strip())
