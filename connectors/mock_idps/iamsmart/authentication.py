"""Is a request of the service it names? Signature, time and nonce, in that order, before anything else is read."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from connectors.iamsmart.request_signature import is_signed_by
from connectors.mock_idps.iamsmart.codes import Code, Refusal
from connectors.mock_idps.iamsmart.service import Service

WINDOW_MS: Final = 5 * 60 * 1000
_NONCE: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIMESTAMP: Final = re.compile(r"[0-9]{13}")


class Authentication:
    """Remembers nonces for as long as their timestamps would pass."""

    def __init__(self, services: Mapping[str, Service], now: Callable[[], float]) -> None:
        self._services = services
        self._now = now
        self._nonces: dict[tuple[str, str], float] = {}

    def service(self, headers: Mapping[str, str], body: bytes) -> Service:
        """Raises Refusal."""
        service = self._services.get(headers.get("clientID", ""))
        if service is None:
            raise Refusal(Code.UNKNOWN_CLIENT)
        if not is_signed_by(service.client_secret, headers, body, service.rule):
            raise Refusal(Code.SIGNATURE)
        timestamp, nonce = headers.get("timestamp", ""), headers.get("nonce", "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
            raise Refusal(Code.PARAMETER)
        now = self._now() * 1000
        if abs(now - int(timestamp)) > WINDOW_MS:
            raise Refusal(Code.TIMESTAMP)
        self._nonces = {known: end for known, end in self._nonces.items() if end > now}
        if (service.client_id, nonce) in self._nonces:
            raise Refusal(Code.NONCE)
        self._nonces[(service.client_id, nonce)] = now + 2 * WINDOW_MS
        return service
