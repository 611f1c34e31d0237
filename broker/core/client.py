"""Who may ask the authorization server for anything: registered clients, each with exactly one profile
(specs/authorization-server.md 1).
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from broker.core.authorization import digest

JSON = Any
"""A value of JSON as `json` reads it."""

SIGN_IN: Final = "sign-in"
"""The purpose of a release that a client asks for by `scope` or `claims` alone."""


class Profile(StrEnum):
    """What a client must do."""

    WALLET = "wallet"  # public; PKCE and DPoP
    FAPI2 = "fapi2"  # FAPI 2.0 Security Profile: PAR, PKCE, private_key_jwt, DPoP
    OIDC_BASIC = "oidc_basic"  # OpenID Connect Core as published; in a sandbox only


class Authentication(StrEnum):
    """How a client authenticates (OpenID Connect Core 9)."""

    NONE = "none"
    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105  a method's name
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105  a method's name


class ClientStatus(StrEnum):
    """A suspended client is refused everywhere, its tokens included."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Encryption:
    """JWE algorithms a client registered (RFC 7518 4.1, 5.1)."""

    alg: str
    enc: str


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. `sector` names the pairwise pseudonyms it sees (OpenID Connect Core 8.1); `purposes` and
    `claims` are ceilings. `version` grows by one at each change (0: configured, not stored); `keys_version` by one when
    the operator takes the keys anew: what was fetched before then counts no more.
    """

    client_id: str
    profile: Profile
    redirect_uris: frozenset[str]
    scopes: frozenset[str]
    sector: str
    partner_id: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    post_logout_redirect_uris: frozenset[str] = frozenset()
    auth: Authentication = Authentication.NONE
    secret_hash: bytes | None = field(default=None, repr=False)
    jwks_uri: str | None = None
    jwks: Mapping[str, JSON] | None = None
    keys_version: int = 0
    purposes: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()
    id_token_alg: str | None = None  # None: ES256
    userinfo_signed_alg: str | None = None
    userinfo_encryption: Encryption | None = None
    backchannel_logout_uri: str | None = None
    require_signed_request: bool = False
    status: ClientStatus = ClientStatus.ACTIVE
    suspended_alone: bool = False  # not only with its partner
    version: int = 0

    @property
    def active(self) -> bool:
        return self.status is ClientStatus.ACTIVE

    def secret_matches(self, secret: str) -> bool:
        """Constant-time comparison; a client without a secret matches none."""
        return self.secret_hash is not None and hmac.compare_digest(digest(secret), self.secret_hash)


class ClientRegistry(Protocol):
    """The stored clients. `find` gives suspended ones too."""

    def find(self, client_id: str) -> Client | None: ...

    def of_partner(self, partner_id: str) -> Sequence[Client]:
        """The clients of one partner, by name."""

    def add(self, client: Client) -> None:
        """Raises ValueError when the client id is taken."""

    def change(self, client: Client) -> None:
        """Replace the client of that id; its version grows by one. Raises KeyError when there is none."""


_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
# FAPI 2.0 Security Profile 5.4.1 allows PS256, ES256 and EdDSA; OpenID Connect Core 15.1 wants RS256 to be had.
_ID_TOKEN_ALGS: Final = {
    Profile.WALLET: (None, "ES256"),
    Profile.FAPI2: (None, "ES256"),
    Profile.OIDC_BASIC: (None, "ES256", "RS256"),
}


def check_redirects(client: Client) -> None:
    """Raise ValueError for redirect URIs that a new registration may not have. Clients that were registered before
    keep theirs, or nobody could suspend one any more.
    """
    if client.profile is Profile.FAPI2:  # FAPI 2.0 Security Profile 5.3.2.2; loopback: RFC 8252 7.3, 8.3
        for uri in client.redirect_uris:
            parts = urlsplit(uri)
            if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
                raise ValueError(f"a fapi2 client's redirect URI is https, or on the person's own machine: {uri}")


def check_registration(client: Client) -> None:
    """Raise ValueError for a client that its profile does not allow."""
    if not (client.client_id.isascii() and client.client_id.isprintable()):
        raise ValueError("a client_id is of visible ASCII characters")  # RFC 6749 A.1
    for uri in client.redirect_uris | client.post_logout_redirect_uris:
        if not uri.startswith(("https://", "http://")) or "#" in uri or "*" in uri:  # RFC 9700 2.1, 4.1
            raise ValueError(f"not a usable redirect URI: {uri}")
    keys = client.jwks_uri is not None or client.jwks is not None
    if (client.auth is Authentication.PRIVATE_KEY_JWT) and not keys:
        raise ValueError("private_key_jwt needs jwks_uri or jwks")
    if client.jwks_uri is not None and client.jwks is not None:
        raise ValueError("jwks_uri and jwks exclude one another")  # OpenID Connect Registration 2
    by_secret = client.auth in (Authentication.CLIENT_SECRET_BASIC, Authentication.CLIENT_SECRET_POST)
    if by_secret and client.secret_hash is None:
        raise ValueError(f"{client.auth} needs a secret")
    if client.require_signed_request and not keys:
        raise ValueError("signed requests need jwks_uri or jwks")
    if client.userinfo_encryption is not None and not keys:
        raise ValueError("encrypted userinfo needs jwks_uri or jwks")
    if client.id_token_alg not in _ID_TOKEN_ALGS[client.profile]:
        raise ValueError(f"ID tokens of {client.profile} are not signed with {client.id_token_alg}")
    match client.profile:
        case Profile.WALLET:
            if client.auth is not Authentication.NONE:
                raise ValueError("a wallet is a public client")
        case Profile.FAPI2:
            if client.auth is not Authentication.PRIVATE_KEY_JWT:  # FAPI 2.0 Security Profile 5.3.2.1
                raise ValueError("a fapi2 client authenticates with private_key_jwt")
            if client.partner_id is None:
                raise ValueError("a fapi2 client belongs to a partner")
        case Profile.OIDC_BASIC:
            if "wallet" in client.scopes or "partner" in client.scopes:
                raise ValueError("an oidc_basic client signs people in and nothing more")
