"""What the authorization server remembers. Secrets appear only as SHA-256 digests, so a stolen database opens no
session and redeems no code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from broker.core.identity_release import IdentityRelease

JSON = Any


def digest(secret: str) -> bytes:
    """SHA-256 of a high-entropy secret. No salt or stretching: every such secret carries 256 random bits."""
    return sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request whose client, redirect URI, scope and PKCE parameters have been checked (RFC 6749
    4.1.1).
    """

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    code_challenge: str | None  # S256 (RFC 7636 4.2); None only from an oidc_basic client
    state: str | None
    nonce: str | None
    prompt: frozenset[str]
    max_age: int | None  # seconds
    ui_locales: tuple[str, ...]
    dpop_jkt: str | None  # RFC 9449 10
    login_hint: str | None = None
    releases: tuple[IdentityRelease, ...] = ()
    claims: Mapping[str, JSON] | None = None  # the `claims` parameter, checked (OpenID Connect Core 5.5)
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    subject: str | None = None  # who it must be: id_token_hint, or `sub` in `claims`
    display: str | None = None
    claims_locales: tuple[str, ...] = ()
    grant_action: str | None = None  # core.grant_merge.GrantAction
    grant_id: str | None = None  # the grant to change
    response_mode: Literal["query", "form_post"] = "query"


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request kept for one continuation: pushed by the client (RFC 9126), or waiting for the person to log in.
    `asked_at` is when a browser last came with it; None for one that was only pushed.
    """

    handle_hash: bytes
    request: AuthorizationRequest
    created_at: datetime
    expires_at: datetime
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One journey to a provider. `binding_hash` is the digest of a cookie, so only the browser that left may come
    back.
    """

    binding_hash: bytes
    provider: str
    language: str
    memory: bytes  # what the connector wants back, sealed (broker.oidc.login.memory)
    expires_at: datetime
    link_session: bytes | None = None  # of a person adding an identity: the session it must come back to


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A person logged in at the broker's origin. Fixed lifetime; its cookie value is new at every login."""

    session_hash: bytes
    traveller_id: UUID
    provider: str
    acr: str
    auth_time: datetime
    created_at: datetime
    expires_at: datetime
    amr: tuple[str, ...] = ()  # RFC 8176
    # Stays the same when the person logs in again in this browser; None: nobody is told when it ends.
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A single-use code (RFC 6749 4.1.2) and what redeeming it yields."""

    code_hash: bytes
    grant_id: UUID  # the grant it will found, or founded
    client_id: str
    redirect_uri: str
    code_challenge: str | None
    scopes: frozenset[str]
    nonce: str | None
    dpop_jkt: str | None
    traveller_id: UUID
    provider: str
    acr: str
    auth_time: datetime
    expires_at: datetime
    amr: tuple[str, ...] = ()
    session_id: UUID | None = None
    releases: tuple[IdentityRelease, ...] = ()
    consents: tuple[UUID, ...] = ()
    claims: Mapping[str, JSON] | None = None
    grant_action: str | None = None  # core.grant_merge.GrantAction, when it changes a grant that stands


@dataclass(frozen=True, slots=True)
class Grant:
    """What one redeemed code founded: every access and refresh token of one family hangs on it and dies with it."""

    grant_id: UUID
    client_id: str
    traveller_id: UUID
    subject: str  # pairwise (OpenID Connect Core 8.1)
    provider: str
    acr: str
    auth_time: datetime
    scopes: frozenset[str]
    jkt: str | None  # thumbprint of the DPoP key (RFC 9449 6); None: bearer tokens of an oidc_basic client
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    amr: tuple[str, ...] = ()
    session_id: UUID | None = None
    releases: tuple[IdentityRelease, ...] = ()
    consents: tuple[UUID, ...] = ()  # those that the releases rest on
    claims: Mapping[str, JSON] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of a family's chain of refresh tokens; `spent_at` is set when it was rotated away (RFC 9700 4.14.2)."""

    token_hash: bytes
    grant_id: UUID
    expires_at: datetime
    spent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """One client to be told that a session ended (OpenID Connect Back-Channel Logout 2.5)."""

    notice_id: UUID
    client_id: str
    session_id: UUID
    subject: str
    attempts: int


@dataclass(frozen=True, slots=True)
class AdmissionQuestion:
    """What a request asks to be admitted: `marks` (hashes of what may be used once, and until when that must be
    remembered), and of whom it speaks.
    """

    marks: tuple[tuple[bytes, datetime], ...]
    client_id: str | None = None
    grant_id: UUID | None = None
    token_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What one look at the database says of a request: which of its one-use marks were used before, the client's stored
    version, the grant, whether the token was revoked.
    """

    replayed: frozenset[bytes]
    client_version: int | None
    grant: Grant | None
    token_revoked: bool

    @property
    def fresh(self) -> bool:
        return not self.replayed
