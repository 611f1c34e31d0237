"""HTTP towards a provider, bounded in time and size, with one kind of failure."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.transport import deadline

TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)  # seconds, for each read and write
DEADLINE: Final = 10.0  # seconds, for a whole exchange: a provider that drips bytes must not hold a worker
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


@dataclass(frozen=True)
class Fetcher:
    """One provider's HTTP. Redirects are not followed: no endpoint of a provider's machine interface redirects.

    `http`: from `connectors.transport.provider_client`, whose sockets obey DEADLINE at every byte; with any other
    client it is looked at between the pieces of a body.
    """

    provider: str
    http: httpx.Client
    monotonic: Callable[[], float] = time.monotonic

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
    ) -> Answer:
        """A body is `form` or, as it is, `content`. Raises ConnectorError: unreachable (no or late answer, or a 5xx),
        garbled (too large, not HTTP).
        """
        end = self.monotonic() + DEADLINE
        body = bytearray()
        options: dict[str, Any] = {"auth": auth} if auth is not None else {}
        try:
            with (
                deadline(lambda: end - self.monotonic()),
                self.http.stream(
                    method,
                    url,
                    headers=headers,
                    data=form,
                    content=content,
                    timeout=TIMEOUT,
                    follow_redirects=False,
                    **options,
                ) as response,
            ):
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise self.error(ProviderFault.GARBLED, f"{url} answered with more than {limit} bytes")
                    if self.monotonic() > end:
                        raise self.error(ProviderFault.UNREACHABLE, f"{url} took longer than {DEADLINE} s")
                media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        except (httpx.DecodingError, httpx.RemoteProtocolError) as error:
            raise self.error(ProviderFault.GARBLED, f"{url}: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self.error(ProviderFault.UNREACHABLE, f"{url}: {type(error).__name__}") from error
        if response.status_code >= 500:
            raise self.error(ProviderFault.UNREACHABLE, f"{url} answered {response.status_code}")
        return Answer(response.status_code, media_type, bytes(body), dict(response.headers))

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
