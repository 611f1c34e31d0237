"""The clients this server knows: those of its configuration, and those of the registry.

A stored client is kept in memory with its version. Whoever uses it from there has the version compared in the same
statement that the request needs anyway (`Admission.client_version`), so a suspension or a new key counts at once and
costs nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from broker.core.client import Authentication, Client, ClientStatus, Profile, check_registration
from broker.oidc.errors import PageError

__all__ = ["Client", "Clients", "Profile", "redirect_uri_of", "wallet_client"]

_MAX_HELD: Final = 4096
_MAX_ID: Final = 256
_VSCHARS: Final = re.compile(r"[\x20-\x7e]+")  # RFC 6749 A.1


def _nobody(client_id: str) -> Client | None:
    return None


class Clients:
    """An unknown client is answered on a page, never by redirect (RFC 6749 4.1.2.1). Outside a sandbox the profile
    `oidc_basic` does not exist.
    """

    def __init__(
        self,
        configured: Mapping[str, Client],
        find_stored: Callable[[str], Client | None] = _nobody,
        *,
        sandbox: bool = False,
    ) -> None:
        self.configured = dict(configured)
        self._find_stored = find_stored
        self._sandbox = sandbox
        self._held: dict[str, Client] = {}

    def find(self, client_id: str | None) -> Client | None:
        """The client as the registry has it now; None when unknown, suspended or not for here. A name that none can
        have is looked up nowhere.
        """
        if not client_id or len(client_id) > _MAX_ID or not _VSCHARS.fullmatch(client_id):
            return None
        client = self.configured.get(client_id) or self._find_stored(client_id)
        if client is None or client.status is not ClientStatus.ACTIVE or not self.serves(client.profile):
            self._held.pop(client_id, None)
            return None
        if client.version:
            if len(self._held) >= _MAX_HELD:
                self._held.clear()
            self._held[client_id] = client
        return client

    def find_held(self, client_id: str | None) -> Client | None:
        """The same from memory when it is there: its version must be compared before anything is answered."""
        return self._held.get(client_id or "") or self.find(client_id)

    def held(self, client_id: str) -> Client | None:
        """The same without a look at the registry: None also where it would take one."""
        return self.find(client_id) if client_id in self.configured else self._held.get(client_id)

    def get(self, client_id: str | None) -> Client:
        """Raises PageError."""
        client = self.find(client_id)
        if client is None:
            raise PageError("unknown_client", cause="client_id is missing or not registered")
        return client

    @property
    def wallet(self) -> Client:
        """The traveller's wallet, as configured. Raises PageError where none is."""
        wallets = (client.client_id for client in self.configured.values() if client.profile is Profile.WALLET)
        return self.get(next(wallets, None))

    def serves(self, profile: Profile) -> bool:
        """Whether clients of that profile work here."""
        return self._sandbox or profile is not Profile.OIDC_BASIC


def redirect_uri_of(client: Client, asked: str | None) -> str:
    """The redirect URI of a request: exact comparison of strings (RFC 9700 4.1.3), never optional. Raises PageError."""
    if asked is None or asked not in client.redirect_uris:
        raise PageError("redirect_mismatch", cause=f"client {client.client_id} has not registered this redirect URI")
    return asked


def wallet_client(client_id: str, redirect_uris: tuple[str, ...]) -> Client:
    """The wallet as a client. Raises ValueError for a redirect URI that could leak a code (RFC 9700 2.1, 4.1)."""
    client = Client(
        client_id,
        Profile.WALLET,
        frozenset(redirect_uris),
        frozenset({"openid", "wallet"}),
        client_id,
        auth=Authentication.NONE,
    )
    check_registration(client)
    return client
