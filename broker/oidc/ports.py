"""What the authorization server needs remembered, in its own words. One unit is one transaction; leaving it normally
commits.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.authorization import (
    AuthorizationCode,
    Grant,
    LoginAttempt,
    LoginSession,
    PendingRequest,
    RefreshToken,
)
from broker.wire.identity_grant import IdentityGrant


class OidcUnit(Protocol):
    """One transaction over everything the authorization server keeps. The `take_*` verbs are atomic: of two takers
    one gets None.
    """

    def add_pending(self, pending: PendingRequest) -> None: ...

    def take_pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        """Remove and return it; None when unknown, taken before or expired."""

    def add_login_attempt(self, attempt: LoginAttempt) -> None: ...

    def take_login_attempt(self, binding_hash: bytes, at: datetime) -> LoginAttempt | None: ...

    def add_session(self, session: LoginSession) -> None: ...

    def session(self, session_hash: bytes, at: datetime) -> LoginSession | None: ...

    def end_session(self, session_hash: bytes) -> None: ...

    def end_sessions_of(self, traveller_id: UUID) -> None:
        """Log this person out in every browser."""

    def add_code(self, code: AuthorizationCode) -> None: ...

    def spend_code(self, code_hash: bytes, at: datetime) -> tuple[AuthorizationCode, bool] | None:
        """The code and whether this call is the first to spend it; None when it was never issued (or swept long after
        expiry).
        """

    def add_grant(self, grant: Grant) -> None: ...

    def grant(self, grant_id: UUID) -> Grant | None: ...

    def revoke_grant(self, grant_id: UUID, at: datetime) -> None:
        """Idempotent: the first time stands."""

    def add_refresh_token(self, token: RefreshToken) -> None: ...

    def refresh_token(self, token_hash: bytes) -> RefreshToken | None: ...

    def spend_refresh_token(self, token_hash: bytes, at: datetime) -> bool:
        """Whether this call is the one that spent it."""

    def remember_proof(self, proof_hash: bytes, until: datetime) -> bool:
        """Unique insert; False when this DPoP proof was seen before (RFC 9449 11.1)."""

    def pairwise_subject(self, traveller_id: UUID, sector: str, candidate: str) -> str:
        """The traveller's pseudonym in a sector: the stored one, or `candidate` stored now."""

    def has_pseudonym(self, traveller_id: UUID, subject: str) -> bool:
        """Whether some sector knows this traveller as `subject`."""

    def forget_traveller(self, traveller_id: UUID) -> None:
        """Erasure: sessions, codes, grants and pseudonyms of this person cease to exist."""

    def sweep(self, at: datetime) -> int:
        """Delete what expired; returns how many rows went."""


OpenUnit = Callable[[], AbstractContextManager[OidcUnit]]

LinkIdentity = Callable[[IdentityGrant, datetime], UUID]
"""`flows.link_identity` with its ports already given: a transaction of its own, returns the traveller."""
