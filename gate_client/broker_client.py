"""The broker as a gate sees it: six calls over HTTPS, every answer bounded, a refusal told apart from a silence."""

import json
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx

from broker.wire.gate_api import MEDIA_TYPE
from broker.wire.reasons import Reason
from gate_client.deadline import Deadline, DeadlineTransport

MAX_ANSWER = 2 * 1024 * 1024
TIMEOUT = httpx.Timeout(3.0, connect=1.0)
"""For one connect, read or write."""
LANE_SECONDS = 3.0
"""For a whole exchange while a traveller waits, however its bytes arrive."""
SYNC_SECONDS = 30.0
"""For a whole exchange beside the lane: a full status list over a slow line."""


class BrokerUnreachable(Exception):
    """No answer, or one that no healthy broker gives (5xx, not the media type, too large). Nothing was decided."""


class BrokerRefused(Exception):
    """The broker said no. This is a decision: no other way to a template may be tried after it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class BrokerClient:
    """One connection pool; one client a thread. `network`, when cleared, cuts the line (demonstrations and tests)."""

    def __init__(
        self,
        base_url: str,
        *,
        ca: Path | None = None,
        network: Event | None = None,
        transport: httpx.BaseTransport | None = None,
        deadline_seconds: float = LANE_SECONDS,
    ) -> None:
        if urlsplit(base_url).scheme not in {"https", "http"}:  # lower-cased by urlsplit
            raise ValueError("the broker's address is an http or https URL")
        self._network = network
        self._deadline = Deadline(deadline_seconds, monotonic)
        if transport is None:
            transport = DeadlineTransport(ssl.create_default_context(cafile=ca), self._deadline)
        self._http = httpx.Client(base_url=base_url, timeout=TIMEOUT, transport=transport, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def enrol(self, code: str, public_key: str) -> dict[str, str]:
        """Trade a one-time code for an identity: gate_id, zone, root_key, trust_list (base64url)."""
        answer = self._json("POST", "/gates/v1/enrolments", json={"code": code, "public_key": public_key})
        wanted = ("gate_id", "zone", "root_key", "trust_list")
        if not all(isinstance(answer.get(name), str) for name in wanted):
            raise BrokerUnreachable("an enrolment answer without its members")
        return {name: answer[name] for name in wanted}

    def time(self) -> datetime:
        """Return the broker's clock."""
        try:
            now = datetime.fromisoformat(str(self._json("GET", "/gates/v1/time").get("now")))
        except ValueError:
            raise BrokerUnreachable("a time that is none") from None
        if now.tzinfo is None:
            raise BrokerUnreachable("a time without its zone")
        return now.astimezone(UTC)

    def trust_list(self) -> bytes:
        return self._send("GET", "/gates/v1/trust-list")

    def status_list_numbers(self) -> tuple[int, ...]:
        """Return which status lists there are."""
        numbers = self._json("GET", "/gates/v1/status-lists").get("lists")
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 4096 for n in numbers):
            raise BrokerUnreachable("status list numbers that are none")
        return tuple(numbers)

    def status_list(self, number: int) -> bytes:
        return self._send("GET", f"/gates/v1/status-lists/{number}")

    def release(self, signed_request: bytes) -> bytes:
        """Return the HPKE-sealed template payload."""
        return self._cose("/gates/v1/releases", signed_request)

    def epoch_secrets(self, signed_request: bytes) -> bytes:
        """Return the HPKE-sealed epoch secrets."""
        return self._cose("/gates/v1/epoch-secrets", signed_request)

    def crossings(self, signed_report: bytes) -> Iterable[bytes]:
        """Return the event ids that the broker now holds."""
        answer = self._decode(self._cose("/gates/v1/crossings", signed_report)).get("accepted")
        try:
            return tuple(bytes.fromhex(event_id) for event_id in answer or ())
        except (TypeError, ValueError):
            raise BrokerUnreachable("event ids that are none") from None

    def _cose(self, path: str, body: bytes) -> bytes:
        return self._send("POST", path, content=body, headers={"content-type": MEDIA_TYPE})

    def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        return self._decode(self._send(method, path, **arguments))

    def _decode(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise BrokerUnreachable("an answer that is not JSON") from None
        if not isinstance(answer, dict):
            raise BrokerUnreachable("an answer that is not an object")
        return answer

    def _send(self, method: str, path: str, **arguments: Any) -> bytes:
        if self._network is not None and not self._network.is_set():
            raise BrokerUnreachable("the network is cut")
        self._deadline.begin()
        try:
            with self._http.stream(method, path, **arguments) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise BrokerUnreachable("an answer beyond its bound")
                status = response.status_code
        except httpx.HTTPError as error:
            raise BrokerUnreachable(f"{type(error).__name__}: {error}") from error
        if 200 <= status < 300:
            return bytes(body)
        if 400 <= status < 500 and status not in {408, 425, 429}:
            raise self._refusal(status, bytes(body))
        raise BrokerUnreachable(f"{method} {path}: status {status}")

    def _refusal(self, status: int, body: bytes) -> BrokerRefused:
        """Read an RFC 9457 problem; a reason this gate does not know is RELEASE_REFUSED."""
        try:
            problem = self._decode(body)
        except BrokerUnreachable:
            problem = {}
        try:
            reason = Reason(str(problem.get("reason")))
        except ValueError:
            reason = Reason.RELEASE_REFUSED
        return BrokerRefused(reason, f"status {status}: {str(problem.get('title', ''))[:200]}")
