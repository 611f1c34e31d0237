"""What the authorization server needs remembered, in its own words. One unit is one transaction; leaving it normally
commits.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.authorization import (
    Admission,
    AuthorizationCode,
    Grant,
    LoginAttempt,
    LoginSession,
    LogoutNotice,
    PendingRequest,
    RefreshToken,
)
from broker.core.client import Client
from broker.core.denial import Denied
from broker.core.ending import Ending
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.core.linking import LinkOutcome
from broker.wire.identity_grant import IdentityGrant

Mark = tuple[bytes, datetime]
"""Something that may be used once, and until when that must be remembered."""


class OidcUnit(Protocol):
    """One transaction over everything the authorization server keeps. The `take_*` verbs are atomic: of two takers
    one gets None.
    """

    def add_pending(self, pending: PendingRequest) -> None: ...

    def take_pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        """Remove and return it; None when unknown, taken before or expired."""

    def pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        """The same, left where it is."""

    def keep_pending(self, handle_hash: bytes, until: datetime, *, asked_at: datetime) -> None:
        """Let it wait longer, for the browser that came with it."""

    def add_login_attempt(self, attempt: LoginAttempt) -> None: ...

    def take_login_attempt(self, binding_hash: bytes, at: datetime) -> LoginAttempt | None: ...

    def add_session(self, session: LoginSession) -> None: ...

    def session(self, session_hash: bytes, at: datetime) -> LoginSession | None: ...

    def drop_session(self, session_hash: bytes) -> None:
        """Delete a session that another one takes over; nobody is told."""

    def note_login(self, session_id: UUID, client_id: str, subject: str) -> None:
        """Remember whom to tell when the session ends."""

    def claim_notices(self, at: datetime, limit: int) -> Sequence[LogoutNotice]:
        """Logout notices to send now. Each comes back later, unless it is settled."""

    def settle_notice(self, notice_id: UUID) -> None: ...

    def add_code(self, code: AuthorizationCode) -> None: ...

    def spend_code(self, code_hash: bytes, at: datetime) -> tuple[AuthorizationCode, bool] | None:
        """The code and whether this call is the first to spend it; None when it was never issued (or swept long after
        expiry).
        """

    def add_grant(self, grant: Grant) -> None: ...

    def grant(self, grant_id: UUID) -> Grant | None: ...

    def lock_grant(self, grant_id: UUID) -> Grant | None:
        """The same, locked until the end of the unit."""

    def renew_grant(self, grant: Grant) -> bool:
        """Write the grant over the one of that id, client and person; False when none of them stands."""

    def sessions_behind(self, client_id: str, subject: str) -> Sequence[UUID]:
        """The sessions, over or not, in which the grants that this client has of that person were founded."""

    def grants_resting_on(self, traveller_id: UUID, consents: Sequence[UUID], at: datetime) -> Sequence[Grant]:
        """The grants that stand at `at`, neither revoked nor run out, and rest on any of these consents."""

    def add_refresh_token(self, token: RefreshToken) -> None: ...

    def refresh_token(self, token_hash: bytes) -> RefreshToken | None: ...

    def spend_refresh_token(self, token_hash: bytes, at: datetime) -> bool:
        """Whether this call is the one that spent it."""

    def admit(
        self,
        marks: Sequence[Mark],
        *,
        client_id: str | None = None,
        grant_id: UUID | None = None,
        token_hash: bytes | None = None,
    ) -> Admission:
        """Use up the marks (a proof's hash, an assertion's `jti`), each by unique insert, and look up the rest."""

    def revoke_token(self, token_hash: bytes, until: datetime) -> None:
        """Refuse an access token that hangs on no grant."""

    def remember_proof(self, proof_hash: bytes, until: datetime) -> bool:
        """Unique insert; False when this DPoP proof was seen before (RFC 9449 11.1)."""

    def pairwise_subject(self, traveller_id: UUID, sector: str, candidate: str) -> str:
        """The traveller's pseudonym in a sector: the stored one, or `candidate` stored now."""

    def has_pseudonym(self, traveller_id: UUID, sector: str, subject: str) -> bool:
        """Whether that sector knows this traveller as `subject`. Never asked across sectors: the answer would tell one
        that another knows the same person (OpenID Connect Core 8.1, 17.3).
        """

    def sweep(self, at: datetime) -> int:
        """Delete what expired; returns how many rows went."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a person's standing consents make of the releases a client asked for.

    `releases` are narrowed to the claims that are covered, `consents` cover them in the same order; `outstanding` are
    still to be asked, `refused` were asked in this request and answered no.
    """

    releases: tuple[IdentityRelease, ...] = ()
    consents: tuple[UUID, ...] = ()
    outstanding: tuple[IdentityRelease, ...] = ()
    refused: tuple[IdentityRelease, ...] = ()


class ConsentDesk(Protocol):
    """Where a person is asked. Its page is `/consent/authorize/{handle}` and ends at `/oauth/continue/{handle}`."""

    def settle(
        self,
        unit: "OidcUnit",
        *,
        handle_hash: bytes,
        traveller: UUID,
        client: Client,
        releases: Sequence[IdentityRelease],
        at: datetime,
        anew: bool = False,
    ) -> Settled:
        """The outcome for the waiting request of that handle. Answers of another person do not count."""

    def name_person(
        self, unit: "OidcUnit", *, traveller: UUID, client: Client, subject: str, at: datetime
    ) -> str | Denied:
        """`subject` as the client may be told it: what a token says of a person goes through here."""

    def end_grant(self, unit: "OidcUnit", *, grant_id: UUID, client_id: str, at: datetime) -> bool:
        """End a live grant of that client with its tokens and the consents that nothing else rests on; False when there
        is none.
        """


class EndLogins(Protocol):
    """The only way sessions and grants end: partners and clients are told in the same unit."""

    def grant(self, unit: "OidcUnit", grant_id: UUID, ending: Ending, *, at: datetime) -> None:
        """Revoke it with every token of its family. Idempotent: the first time stands."""

    def session(self, unit: "OidcUnit", session_hash: bytes, ending: Ending, *, at: datetime) -> None:
        """Log out, with the grants of the session but for offline access and the wallet."""

    def left_of_session(
        self, unit: "OidcUnit", session_id: UUID, client_id: str, ending: Ending, *, at: datetime
    ) -> None:
        """What this client holds of a session, over or not, but for offline access and the wallet."""

    def sessions_of(self, unit: "OidcUnit", traveller: UUID, ending: Ending, *, at: datetime) -> None:
        """Log this person out in every browser."""


class ReleaseClaims(Protocol):
    """The only way claims leave: consents are checked and locked, the release is journalled, all in this unit."""

    def __call__(
        self,
        unit: "OidcUnit",
        *,
        traveller: UUID,
        client: Client,
        releases: Sequence[IdentityRelease],
        wanted: frozenset[str] | None,
        at: datetime,
    ) -> ReleasedClaims | Denied:
        """`wanted` narrows what is read; None means everything the releases name."""


OpenUnit = Callable[[], AbstractContextManager[OidcUnit]]


class Admit(Protocol):
    """`OidcUnit.admit` in a transaction of its own, at the price of one round trip."""

    def __call__(
        self,
        marks: Sequence[Mark],
        *,
        client_id: str | None = None,
        grant_id: UUID | None = None,
        token_hash: bytes | None = None,
    ) -> Admission: ...


class LinkIdentity(Protocol):
    """`flows.link_identity` with its ports already given, in the transaction of `unit`."""

    def __call__(
        self, unit: "OidcUnit", grant: IdentityGrant, at: datetime, *, onto: UUID | None, browser: bytes
    ) -> LinkOutcome:
        """`onto`: the person who adds this identity to those they have. `browser`: digest of the secret that the
        browser keeps if the login is held.
        """


CheckRelease = Callable[[IdentityRelease], object]
"""Raises InvalidInput for a release beyond what its purpose allows."""
