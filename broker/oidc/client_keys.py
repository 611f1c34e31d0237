"""The keys that clients sign with and are encrypted to: registered by value, or fetched from their JWKS URI (RFC 7517
5, OpenID Connect Registration 2).

A fetched set is used for ten minutes. A key it does not name makes us fetch again, but not more often than the minimum
interval, so that nobody can make us call a partner at will; a fetch that fails leaves the set we have in use for a day,
unless the operator took the keys anew (`keys_version`).

Anybody can name a client in an assertion. One thread fetches a set; the others go on with what there is, and only the
very first set is waited for, by a few: a host that does not answer holds up no other client and few of our threads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any, Final

from broker.core.client import JSON, Client
from broker.oidc import jws

MAX_KEYS: Final = 32
MAX_AGE: Final = timedelta(minutes=10)
MAX_STALE: Final = timedelta(days=1)
MAX_SETS: Final = 4096
MAX_WAITING: Final = 8
"""How many wait for the first set of an address while somebody fetches it."""

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


class _Source:
    """One address: what was fetched there, and the lock of whoever fetches."""

    def __init__(self) -> None:
        self.held: _Fetched | None = None
        self._fetching = Lock()
        self._places = BoundedSemaphore(MAX_WAITING)

    def enter(self) -> bool:
        """Whether the caller may fetch now; then it has to `leave`."""
        if self.held is not None:
            return self._fetching.acquire(blocking=False)
        if self._fetching.acquire(blocking=False):
            return True
        if not self._places.acquire(blocking=False):
            return False
        try:
            return self._fetching.acquire()
        finally:
            self._places.release()

    def leave(self) -> None:
        self._fetching.release()


class ClientKeys:
    """One cache for a worker process."""

    def __init__(self, fetch: FetchJson, *, minimum_interval: timedelta = timedelta(seconds=30)) -> None:
        self._fetch = fetch
        self._interval = minimum_interval
        self._registered: dict[tuple[str, int], KeySet] = {}
        self._sources: dict[tuple[str, int], _Source] = {}

    def signing(self, client: Client, *, kid: object, alg: str, at: datetime) -> list[jws.Key]:
        """Raises KeysUnavailable when the client has none to look among."""
        if client.jwks_uri is None:
            return self._by_value(client).candidates(kid, alg)
        known = self._by_uri(client.jwks_uri, client.keys_version, at, lambda keys: bool(keys.candidates(kid, alg)))
        return known.candidates(kid, alg)

    def encryption(self, client: Client, *, alg: str, at: datetime) -> Mapping[str, JSON]:
        """The JWK to encrypt to: one for `alg`, or one that names no algorithm and is of its kind."""

        def usable(keys: KeySet) -> list[Mapping[str, JSON]]:
            kinds = ("RSA",) if alg.startswith("RSA") else ("EC", "OKP")
            return [jwk for jwk in keys.encryption if jwk.get("alg", alg) == alg and jwk.get("kty") in kinds]

        if client.jwks_uri is None:
            found = usable(self._by_value(client))
        else:
            known = self._by_uri(client.jwks_uri, client.keys_version, at, lambda keys: bool(usable(keys)))
            found = usable(known)
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

    def _by_uri(self, uri: str, version: int, at: datetime, serves: Callable[[KeySet], bool]) -> KeySet:
        if len(self._sources) >= MAX_SETS:
            self._sources.clear()
        source = self._sources.setdefault((uri, version), _Source())
        if self._due(source.held, at, serves) and source.enter():
            try:
                if self._due(source.held, at, serves):
                    source.held = self._fetch_again(uri, source.held, at)
            finally:
                source.leave()
        held = source.held
        if held is None or held.keys is None or held.fetched_at + MAX_STALE <= at:
            raise KeysUnavailable("the client's JWKS URI gave no keys")
        return held.keys

    def _due(self, held: _Fetched | None, at: datetime, serves: Callable[[KeySet], bool]) -> bool:
        if held is None:
            return True
        stale = held.keys is None or held.fetched_at + MAX_AGE <= at or not serves(held.keys)
        return stale and held.tried_at + self._interval <= at

    def _fetch_again(self, uri: str, held: _Fetched | None, at: datetime) -> _Fetched:
        try:
            return _Fetched(KeySet.of(self._fetch(uri)), at, at)
        except (FetchError, KeysUnavailable):
            return _Fetched(held.keys if held else None, held.fetched_at if held else at, at)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
