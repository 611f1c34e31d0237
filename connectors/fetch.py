"""HTTP towards a provider, bounded in time and size, with one kind of failure."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.resilience.guard import Guard, Health, NotAdmitted
from connectors.transport import deadline

DEADLINE: Final = 10.0  # seconds, for a whole exchange unless the settings say otherwise
_IDEMPOTENT: Final = frozenset({"GET", "HEAD"})
MAX_JSON: Final = 256 * 1024
MAX_SIGNED: Final = 4 * 1024 * 1024  # a signed answer with a photograph inside


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    media_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By lower-case name."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, for each read and write, and for a whole exchange with its retry (a provider that drips
    bytes must not hold a worker).
    """

    connect: float = 2.0
    read: float = 5.0
    exchange: float = DEADLINE


@dataclass(frozen=True)
class Fetcher:
    """One provider's HTTP, behind its guard. Redirects are not followed: no endpoint of a provider's machine interface
    redirects.

    `http`: from `connectors.transport.provider_client`, whose sockets obey the exchange's end at every byte; with any
    other client it is looked at between the pieces of a body.
    """

    provider: str
    http: httpx.Client
    timeouts: Timeouts = Timeouts()
    guard: Guard = field(default_factory=Guard)
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
        limit: int = MAX_JSON,
        idempotent: bool | None = None,
    ) -> Answer:
        """A body is `form` or, as it is, `content`. Raises ConnectorError: unreachable (no or late answer, a 5xx, not
        asked because it failed before), garbled (too large, not HTTP).

        An unreachable provider is asked once more if the call is `idempotent` (by default GET and HEAD), half of the
        time is left and the retry budget allows.
        """
        options: dict[str, Any] = {"headers": headers, "data": form, "content": content}
        if auth is not None:
            options["auth"] = auth
        begun = self.monotonic()
        again = method in _IDEMPOTENT if idempotent is None else idempotent
        try:
            return self._attempt(method, url, options, begun=begun, limit=limit)
        except ConnectorError as error:
            late = self.monotonic() > begun + self.timeouts.exchange / 2
            asked = not isinstance(error.__cause__, NotAdmitted)
            if not (again and asked and not late and error.fault is ProviderFault.UNREACHABLE):
                raise
            if not self.guard.may_retry():
                raise
        return self._attempt(method, url, options, begun=begun, limit=limit)

    def _attempt(self, method: str, url: str, options: dict[str, Any], *, begun: float, limit: int) -> Answer:
        try:
            with self.guard.place(self.monotonic):
                return self._exchange(method, url, options, end=begun + self.timeouts.exchange, limit=limit)
        except NotAdmitted as error:
            raise self.error(ProviderFault.UNREACHABLE, f"{url} was not asked: {error}") from error

    def _exchange(self, method: str, url: str, options: dict[str, Any], *, end: float, limit: int) -> Answer:
        timeout = httpx.Timeout(self.timeouts.read, connect=self.timeouts.connect)
        body = bytearray()
        try:
            with (
                deadline(lambda: end - self.monotonic()),
                self.http.stream(method, url, timeout=timeout, follow_redirects=False, **options) as response,
            ):
                self.guard.saw_date(response.headers.get("date"), at=self.clock())
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise self.error(ProviderFault.GARBLED, f"{url} answered with more than {limit} bytes")
                    if self.monotonic() > end:
                        raise self.error(ProviderFault.UNREACHABLE, f"{url} took longer than it may")
                media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        except (httpx.DecodingError, httpx.RemoteProtocolError) as error:
            raise self.error(ProviderFault.GARBLED, f"{url}: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self.error(ProviderFault.UNREACHABLE, f"{url}: {type(error).__name__}") from error
        if response.status_code >= 500:
            raise self.error(ProviderFault.UNREACHABLE, f"{url} answered {response.status_code}")
        return Answer(response.status_code, media_type, bytes(body), dict(response.headers))

    @property
    def offset(self) -> timedelta:
        """The provider's clock minus ours, as its answers showed and as far as it is tolerated."""
        return self.guard.offset

    def health(self) -> Health:
        """What is known about the provider without asking it."""
        return self.guard.health(self.monotonic())

    def json(self, url: str) -> dict[str, Any]:
        """A JSON object by GET."""
        answer = self.send("GET", url, headers={"Accept": "application/json"})
        if answer.status != 200:
            raise self.error(ProviderFault.REFUSED, f"{url} answered {answer.status}")
        return self.parse_object(url, answer.body)

    def parse_object(self, url: str, body: bytes) -> dict[str, Any]:
        """Raises ConnectorError garbled for anything but a JSON object."""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self.error(ProviderFault.GARBLED, f"{url} did not answer with JSON") from error
        if not isinstance(value, dict):
            raise self.error(ProviderFault.GARBLED, f"{url} did not answer with a JSON object")
        return value

    def error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.provider, fault, detail)
