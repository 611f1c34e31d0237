"""Registered clients. Today one profile: the wallet, a public client (RFC 6749 2.1) that must use PKCE and DPoP."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.oidc.errors import PageError


class Profile(StrEnum):
    """What a client must do. Profiles for agencies join here."""

    WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. `sector` names the pairwise pseudonyms it sees (OpenID Connect Core 8.1)."""

    client_id: str
    profile: Profile
    redirect_uris: frozenset[str]
    scopes: frozenset[str]
    sector: str

    def redirect_uri(self, asked: str | None) -> str:
        """The redirect URI of a request: exact comparison of strings (RFC 9700 4.1.3), never optional. Raises
        PageError.
        """
        if asked is None or asked not in self.redirect_uris:
            raise PageError("redirect_mismatch", cause=f"client {self.client_id} has not registered this redirect URI")
        return asked


@dataclass(frozen=True, slots=True)
class Clients:
    """The registry. An unknown client is answered on a page, never by redirect (RFC 6749 4.1.2.1)."""

    by_id: Mapping[str, Client]

    def find(self, client_id: str | None) -> Client | None:
        return self.by_id.get(client_id or "")

    def get(self, client_id: str | None) -> Client:
        client = self.find(client_id)
        if client is None:
            raise PageError("unknown_client", cause="client_id is missing or not registered")
        return client


def wallet_client(client_id: str, redirect_uris: tuple[str, ...]) -> Client:
    """The wallet as a client. Raises ValueError for a redirect URI that could leak a code (RFC 9700 2.1, 4.1)."""
    for uri in redirect_uris:
        if not uri.startswith(("https://", "http://")) or "#" in uri or "*" in uri:
            raise ValueError(f"not a usable redirect URI: {uri}")
    return Client(client_id, Profile.WALLET, frozenset(redirect_uris), frozenset({"openid", "wallet"}), client_id)
