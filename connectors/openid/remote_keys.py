"""A published JWK set (RFC 7517): kept, and fetched again for a key that is not in it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import jwt

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.fetch import Fetcher
from connectors.keyring import KeyRing
from connectors.openid.registration import SKEW

_KINDS: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}

Entry = Mapping[str, Any]


class RemoteKeys:
    """`url` is asked for at each fetch: it may come from discovery. `algorithms`: those that keys may be used with."""

    def __init__(self, fetch: Fetcher, url: Callable[[], str], algorithms: tuple[str, ...]) -> None:
        self._provider = fetch.provider
        self._algorithms = algorithms
        self._ring: KeyRing[Entry] = KeyRing(lambda: _by_id(fetch.json(url())), monotonic=fetch.monotonic)

    def find(self, kid: object, algorithm: object, *, at: datetime) -> jwt.PyJWK:
        """The key of that id for that algorithm; without an id, the only one there is for it. Raises ConnectorError."""
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise self._error("a token is signed with an algorithm that is not registered")
        found = self._ring.get(kid) if isinstance(kid, str) else self._only(kid, algorithm)
        if found is None or not _usable(found, algorithm):
            raise self._error("a token names a key the provider does not publish for this")
        end = found.get("exp")
        if isinstance(end, int | float) and not isinstance(end, bool) and end <= (at - SKEW).timestamp():
            raise self._error("a token is signed with a key that has expired")
        try:
            return jwt.PyJWK(dict(found), algorithm=algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise self._error("a published key cannot be used") from error

    def _only(self, kid: object, algorithm: str) -> Entry | None:
        """OpenID Connect Core 10.1: a set of one key may go without ids."""
        usable = [entry for entry in self._ring.all().values() if _usable(entry, algorithm)]
        return usable[0] if kid is None and len(usable) == 1 else None

    def _error(self, detail: str) -> ConnectorError:
        return ConnectorError(self._provider, ProviderFault.UNTRUSTED, detail)


def _usable(entry: Entry, algorithm: str) -> bool:
    """RFC 7517 4.1, 4.2, 4.4: the kind, the use and the algorithm fit."""
    return (
        entry.get("kty") == _KINDS[algorithm]
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", algorithm) == algorithm
    )


def _by_id(document: dict[str, Any]) -> dict[str, Entry]:
    """Entries that are no keys are passed over (RFC 7517 5); the first of two with the same id counts."""
    entries = document.get("keys")
    found: dict[str, Entry] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            kid = entry.get("kid")
            found.setdefault(kid if isinstance(kid, str) else f"#{index}", entry)
    return found
