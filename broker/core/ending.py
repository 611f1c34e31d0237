"""Why a session or a grant ends, which ones are meant, and what their partner hears of it (specs/webhooks.md 1)."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final
from uuid import UUID

LASTING: Final = frozenset({"offline_access", "wallet"})
"""Scopes of grants that outlive the session they were founded in."""


class Ending(StrEnum):
    """The reason, as the notice states it."""

    LOGOUT = "logout"
    REPLACED = "replaced"  # somebody else logged in in that browser
    IDENTITY_UNLINKED = "identity_unlinked"
    IDENTITY_WITHDRAWN = "identity_withdrawn"  # at the provider
    IDENTITY_REPLACED = "identity_replaced"  # the provider calls the person by another name now
    ERASED = "erased"
    REUSE = "reuse"  # a code or refresh token was presented twice
    RETURNED = "returned"  # by the client
    OPERATOR = "operator"
    CONSENT = "consent"  # its own notice lists the grants

    @property
    def notice(self) -> str | None:
        """The name of the event; None when another notice tells of it."""
        if self is Ending.CONSENT:
            return None
        return "grant.revoked" if self in _OF_A_GRANT else "session.revoked"


_OF_A_GRANT: Final = (Ending.REUSE, Ending.RETURNED, Ending.OPERATOR)


class _Named:
    """At least one field is named, and all that are must fit: nothing named means an error, not everything."""

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in (field.name for field in fields(self))):  # type: ignore[arg-type]
            raise ValueError("say which ones end")


@dataclass(frozen=True, kw_only=True)
class GrantsOf(_Named):
    """Which grants, with the codes that would found or change one. `sessions` never names a LASTING one."""

    grants: Collection[UUID] | None = None
    traveller: UUID | None = None
    provider: str | None = None
    clients: Collection[str] | None = None
    sessions: Collection[UUID] | None = None


@dataclass(frozen=True, kw_only=True)
class SessionsOf(_Named):
    """Which login sessions. `session_hash`: of the one with that cookie."""

    session_hash: bytes | None = None
    traveller: UUID | None = None
    provider: str | None = None
