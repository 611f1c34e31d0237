"""The token keys of the key folder as the ring that the authorization server reads."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from broker.oidc.keys import KeyRing, TokenKey, TokenKeys
from broker.stores.signing_keys import SigningKeys

PUBLISHED_AFTERWARDS: Final = timedelta(days=1)
"""How long a retired key stays in the JWKS: longer than anything it signed, and than anybody caches an answer."""


def token_keys(signing: SigningKeys, clock: Callable[[], datetime]) -> TokenKeys:
    """Raises SecretFileError at once when a key cannot be read, and again whenever it is read later."""

    def read() -> KeyRing:
        files, since = signing.token_keys(), clock() - PUBLISHED_AFTERWARDS
        return KeyRing.of(
            TokenKey.of(files.current),
            ahead=() if files.ahead is None else (files.ahead,),
            retired=[key for key, retired_at in files.retired if retired_at > since],
            former=[key for key, retired_at in files.retired if retired_at <= since],
        )

    return TokenKeys(read)
