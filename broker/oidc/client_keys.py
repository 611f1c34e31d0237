"""The keys that clients sign with and are encrypted to: registered by value, or fetched from their JWKS URI (RFC 7517
5, OpenID Connect Registration 2).

A fetched set is used for ten minutes. A key it does not name makes us fetch again, but not more often than the minimum
interval, so that nobody can make us call a partner at will; a fetch that fails leaves the set we have in use for a day.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from broker.core.client import JSON, Client
from broker.oidc import jws

MAX_KEYS: Final = 32
MAX_AGE: Final = timedelta(minutes=10)
MAX_STALE: Final = timedelta(days=1)
MAX_SETS: Final = 4096

FetchJson = Callable[[str], JSON]
"""GET of a URI, parsed; raises FetchError."""


class FetchError(Exception):
    """A client's address could not be fetched; the text is for the operator."""


class KeysUnavailable(Exception):
    """A client's keys cannot be had now."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """A JWKS, parsed once; entries we cannot use are left out (RFC 7517 5)."""

    signing: tuple[tuple[str | None, str | None, jws.Key], ...]  # kid, alg, key
    encryption: tuple[Mapping[str, JSON], ...]

    @classmethod
    def of(cls, document: object) -> "KeySet":
        """Raises KeysUnavailable for something that is no JWKS."""
        keys = document.get("keys") if isinstance(document, Mapping) else None
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise KeysUnavailable(f"not a JWKS of at most {MAX_KEYS} keys")
        entries = [jwk for jwk in keys if isinstance(jwk, dict)]
        signing = [
            (_text(jwk.get("kid")), _text(jwk.get("alg")), key)
            for jwk in entries
            if jwk.get("use", "sig") == "sig" and (key := jws.public_key(jwk)) is not None
        ]
        return cls(tuple(signing), tuple(jwk for jwk in entries if jwk.get("use") == "enc" and "d" not in jwk))

    def candidates(self, kid: object, alg: str) -> list[jws.Key]:
        """The keys a token with that header may have been signed with; without a `kid`, every key for `alg`."""
        return [key for known, fixed, key in self.signing if fixed in (None, alg) and kid in (None, known)]


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet | None
    fetched_at: datetime
    tried_at: datetime


class ClientKeys:
    """One cache for a worker process."""

    def __init__(self, fetch: FetchJson, *, minimum_interval: timedelta = timedelta(seconds=30)) -> None:
        self._fetch = fetch
        self._interval = minimum_interval
        self._registered: dict[tuple[str, int], KeySet] = {}
        self._fetched: dict[str, _Fetched] = {}
        self._lock = Lock()

    def signing(self, client: Client, *, kid: object, alg: str, at: datetime) -> list[jws.Key]:
        """Raises KeysUnavailable when the client has none to look among."""
        if client.jwks_uri is None:
            return self._by_value(client).candidates(kid, alg)
        known = self._by_uri(client.jwks_uri, at, lambda keys: bool(keys.candidates(kid, alg)))
        return known.candidates(kid, alg)

    def encryption(self, client: Client, *, alg: str, at: datetime) -> Mapping[str, JSON]:
        """The JWK to encrypt to: one for `alg`, or one that names no algorithm and is of its kind."""

        def usable(keys: KeySet) -> list[Mapping[str, JSON]]:
            kinds = ("RSA",) if alg.startswith("RSA") else ("EC", "OKP")
            return [jwk for jwk in keys.encryption if jwk.get("alg", alg) == alg and jwk.get("kty") in kinds]

        if client.jwks_uri is None:
            found = usable(self._by_value(client))
        else:
            found = usable(self._by_uri(client.jwks_uri, at, lambda keys: bool(usable(keys))))
        if not found:
            raise KeysUnavailable("the client publishes no key to encrypt to")
        return found[0]

    def _by_value(self, client: Client) -> KeySet:
        name = (client.client_id, client.version)
        keys = self._registered.get(name)
        if keys is None:
            keys = KeySet.of(client.jwks)
            if len(self._registered) >= MAX_SETS:
                self._registered.clear()
            self._registered[name] = keys
        return keys

    def _by_uri(self, uri: str, at: datetime, serves: Callable[[KeySet], bool]) -> KeySet:
        held = self._fetched.get(uri)
        if held is None or held.keys is None or held.fetched_at + MAX_AGE <= at or not serves(held.keys):
            with self._lock:
                held = self._fetched.get(uri)
                stale = held is None or held.keys is None or held.fetched_at + MAX_AGE <= at or not serves(held.keys)
                if stale and (held is None or held.tried_at + self._interval <= at):
                    held = self._fetched[uri] = self._fetch_again(uri, held, at)
        if held is None or held.keys is None or held.fetched_at + MAX_STALE <= at:
            raise KeysUnavailable("the client's JWKS URI gave no keys")
        return held.keys

    def _fetch_again(self, uri: str, held: _Fetched | None, at: datetime) -> _Fetched:
        try:
            return _Fetched(KeySet.of(self._fetch(uri)), at, at)
        except (FetchError, KeysUnavailable):
            return _Fetched(held.keys if held else None, held.fetched_at if held else at, at)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
