"""What people agreed to, and the tokens that rest on it. A refresh token is good once; used again, all of its family
are revoked.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from connectors.mock_idps.macau.requests import Asked

ACCESS_SECONDS: Final = 300
REFRESH_SECONDS: Final = 30 * 86_400


@dataclass(frozen=True)
class Agreed:
    """One person's answer to one request. `txn` names it in tokens, packets and notices."""

    txn: str
    asked: Asked
    person_id: str
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    fields: tuple[str, ...]
    departments: tuple[str, ...]


@dataclass
class _Family:
    agreed: Agreed
    access: dict[str, float] = field(default_factory=dict)
    refresh: str = ""
    refresh_end: float = 0.0
    withdrawn: bool = False


@dataclass(frozen=True)
class Tokens:
    agreed: Agreed
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)


class Grants:
    """Every standing agreement."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._families: dict[str, _Family] = {}
        self._of_token: dict[str, _Family] = {}  # every access and refresh token there ever was
        self._lock = threading.Lock()

    def issue(self, agreed: Agreed) -> Tokens:
        with self._lock:
            return self._fresh(self._families.setdefault(agreed.txn, _Family(agreed)))

    def rotate(self, refresh_token: str) -> Tokens | None:
        """New tokens for a refresh token, once; None for one that is unknown, expired, withdrawn or used."""
        with self._lock:
            family = self._of_token.get(refresh_token)
            if family is None or refresh_token in family.access:
                return None
            if refresh_token != family.refresh:
                family.withdrawn = True
            if family.withdrawn or family.refresh_end <= self._now():
                return None
            return self._fresh(family)

    def of_access(self, access_token: str) -> tuple[Agreed, bool] | None:
        """The agreement behind a live access token, and whether it was withdrawn since."""
        with self._lock:
            family = self._of_token.get(access_token)
            if family is None or family.access.get(access_token, 0.0) <= self._now():
                return None
            return family.agreed, family.withdrawn

    def of_person(self, person_id: str) -> list[Agreed]:
        """What stands, oldest first."""
        with self._lock:
            return [f.agreed for f in self._families.values() if f.agreed.person_id == person_id and not f.withdrawn]

    def withdraw(self, txn: str) -> Agreed | None:
        """The agreement, when it stood until now."""
        with self._lock:
            family = self._families.get(txn)
            if family is None or family.withdrawn:
                return None
            family.withdrawn = True
            return family.agreed

    def _fresh(self, family: _Family) -> Tokens:
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        family.access[access] = self._now() + ACCESS_SECONDS
        self._of_token[access] = family
        if "offline_access" not in family.agreed.asked.scopes:
            return Tokens(family.agreed, access, None)
        family.refresh, family.refresh_end = refresh, self._now() + REFRESH_SECONDS
        self._of_token[refresh] = family
        return Tokens(family.agreed, access, refresh)
