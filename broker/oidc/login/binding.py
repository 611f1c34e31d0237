"""What ties a login at a provider to the browser that began it.

The browser holds one random secret in a cookie, with the path to continue at; `state` towards the provider is a MAC
under it. The database keeps a digest of the secret, and what the connector wants back sealed under it, so neither a
stolen database nor a link sent by an attacker can finish a login (RFC 9700 4.7).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from broker.core.authorization import digest

_ID_LENGTH: Final = 16  # hexadecimal digits; lets logins in several tabs keep apart


@dataclass(frozen=True, slots=True)
class Binding:
    """One login attempt as its browser knows it."""

    attempt_id: str
    secret: str
    continue_to: str  # a path of the broker's own origin; it may carry a handle, so it stays out of the database

    @property
    def state(self) -> str:
        return f"{self.attempt_id}.{self._mac('state')}"

    @property
    def secret_hash(self) -> bytes:
        return digest(f"{self.attempt_id}.{self.secret}.{self.continue_to}")

    @property
    def cookie_value(self) -> str:
        return f"{self.secret}.{_b64url(self.continue_to.encode())}"

    @classmethod
    def from_cookie(cls, attempt_id: str, value: str) -> "Binding | None":
        """None when the cookie is not of our making; whether it is genuine shows when its digest is looked up."""
        secret, _, path = value.partition(".")
        try:
            return cls(attempt_id, secret, urlsafe_b64decode(path + "=" * (-len(path) % 4)).decode("ascii"))
        except ValueError:
            return None

    def matches(self, state: str) -> bool:
        return hmac.compare_digest(self.state.encode(), state.encode())

    def _mac(self, label: str) -> str:
        return _b64url(
            hmac.digest(self.secret.encode(), f"tongguan/login/v1/{label}/{self.attempt_id}".encode(), "sha256")
        )


def cookie_name(attempt_id: str, *, secure: bool) -> str:
    prefix = "__Host-" if secure else ""
    return f"{prefix}tongguan-login-{attempt_id}"


def attempt_id_of(state: str) -> str | None:
    """The attempt a `state` names; None when it is not one of ours."""
    attempt_id, dot, _ = state.partition(".")
    well_formed = bool(dot) and len(attempt_id) == _ID_LENGTH and all(c in "0123456789abcdef" for c in attempt_id)
    return attempt_id if well_formed else None


def _b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
