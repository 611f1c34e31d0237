"""What waits in a person's app: a login, or a request that a service started."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from connectors.mock_idps.iamsmart.service import Service

TASK_SECONDS: Final = 240
"""How long a person has to answer."""
CODE_SECONDS: Final = 60
TOKEN_SECONDS: Final = 36_000
_KEEP_SECONDS: Final = 3600

T = TypeVar("T")


class What(StrEnum):
    LOGIN = "auth"
    PROFILE = "auth/profile"
    EME = "eme"
    STEP_UP = "stepup"
    HASH = "signing"
    PDF = "pdfsigning"

    @property
    def app_link(self) -> str:
        """The part of `hk.gov.iamsmart://...?ticketID=`; form filling opens like a profile."""
        links = {What.LOGIN: "auth", What.STEP_UP: "re-auth", What.HASH: "hash-sign", What.PDF: "hash-sign"}
        return links.get(self, "profile")


@dataclass(frozen=True)
class Task:
    """`person_id`: who alone may answer, for a request that came with their token. `ends`: seconds since 1970."""

    what: What
    service: Service
    redirect_uri: str
    state: str
    ends: float
    language: str = "zh-Hant"
    scopes: tuple[str, ...] = ()
    business_id: str | None = None
    person_id: str | None = None
    fields: tuple[str, ...] = ()
    digest: bytes = b""
    hkic_hash: str = ""
    texts: tuple[str, ...] = ()  # what the person reads: form or document, service, department
    chosen: str | None = field(default=None)

    @property
    def anonymous(self) -> bool:
        return self.what is not What.LOGIN and self.person_id is None


@dataclass(frozen=True)
class Grant:
    """Who logged in at which service and what they granted; behind a code, then behind an access token."""

    service: Service
    person_id: str
    scopes: frozenset[str]
    at_ms: int


@dataclass(frozen=True)
class Result:
    """What became of an anonymous request, until it is fetched. `content` None: not answered yet."""

    what: What
    client_id: str
    code: str = ""
    content: dict[str, Any] | None = field(default=None, repr=False)


class Kept(Generic[T]):
    """Values under unguessable or given names, each with an end. What has ended is still known for an hour: a late
    answer is told from one nobody asked for.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._values: dict[str, tuple[float, T]] = {}

    def put(self, value: T, *, seconds: float, name: str | None = None) -> str:
        name = name or secrets.token_urlsafe(24)
        now = self._now()
        self._values = {known: kept for known, kept in self._values.items() if kept[0] + _KEEP_SECONDS > now}
        self._values[name] = (now + seconds, value)
        return name

    def get(self, name: object) -> T | None:
        end, value = self._values.get(str(name), (0.0, None))
        return value if end > self._now() else None

    def ended(self, name: object) -> T | None:
        """A value past its end."""
        end, value = self._values.get(str(name), (float("inf"), None))
        return value if end <= self._now() else None

    def drop(self, name: object) -> None:
        self._values.pop(str(name), None)
