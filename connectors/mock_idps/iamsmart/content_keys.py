"""Content keys as the provider keeps them: one a service, for a day, until revoked or replaced."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from connectors.iamsmart.content_key import KEY_BYTES
from connectors.iamsmart.envelope import EnvelopeError, open_envelope
from connectors.mock_idps.iamsmart.codes import Code, Refusal

LIFETIME_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Issued:
    key: bytes = field(repr=False)
    issued_ms: int


class IssuedKeys:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._keys: dict[str, Issued] = {}
        self._unannounced: set[str] = set()

    def get(self, client_id: str) -> Issued:
        """`getKey`: the live key, or a new one."""
        self._unannounced.discard(client_id)
        return self._live(client_id) or self._issue(client_id)

    def revoke(self, client_id: str) -> None:
        self._keys.pop(client_id, None)

    def rotate(self, client_id: str) -> None:
        """Replace a key of our own accord: the next callback brings the new one along."""
        self._issue(client_id)
        self._unannounced.add(client_id)

    def for_callback(self, client_id: str) -> tuple[Issued, bool]:
        """The key to seal a callback with, and whether the service has yet to be told of it."""
        known = self._live(client_id)
        return known or self._issue(client_id), known is None or client_id in self._unannounced

    def current(self, client_id: str) -> Issued:
        """Raises Refusal (M30002)."""
        found = self._live(client_id)
        if found is None:
            raise Refusal(Code.NO_KEY)
        return found

    def open(self, client_id: str, content: object) -> tuple[Issued, bytes]:
        """A request's content. Raises Refusal (M30002, M30003)."""
        key = self.current(client_id)
        try:
            return key, open_envelope(key.key, content)
        except EnvelopeError:
            raise Refusal(Code.CRYPTO) from None

    def _live(self, client_id: str) -> Issued | None:
        found = self._keys.get(client_id)
        return found if found is not None and self._now() * 1000 < found.issued_ms + LIFETIME_MS else None

    def _issue(self, client_id: str) -> Issued:
        self._keys[client_id] = Issued(secrets.token_bytes(KEY_BYTES), int(self._now() * 1000))
        return self._keys[client_id]
