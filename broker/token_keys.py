"""The token keys of the key folder as the ring that the authorization server reads."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from broker.oidc.keys import KeyRing, TokenKey, TokenKeys
from broker.stores.secret_files import SecretFileError
from broker.stores.signing_keys import SigningKeys
from broker.stores.token_key_files import TokenAlg

PUBLISHED_AFTERWARDS: Final = timedelta(days=1)
"""How long a retired key stays in the JWKS: longer than anything it signed, and than anybody caches an answer."""


def token_keys(signing: SigningKeys, clock: Callable[[], datetime]) -> TokenKeys:
    """Raises SecretFileError at once when a key cannot be read, and again whenever it is read later."""

    def read() -> KeyRing:
        since = clock() - PUBLISHED_AFTERWARDS
        found = {alg: files for alg in TokenAlg if (files := signing.token_keys(alg)) is not None}
        if TokenAlg.ES256 not in found:
            raise SecretFileError("there is no token key")
        retired = [one for files in found.values() for one in files.retired]
        rsa = found.get(TokenAlg.RS256)
        return KeyRing.of(
            TokenKey.of(found[TokenAlg.ES256].current),
            rsa=TokenKey.of(rsa.current) if rsa is not None else None,
            ahead=[files.ahead for files in found.values() if files.ahead is not None],
            retired=[key for key, retired_at in retired if retired_at > since],
            former=[key for key, retired_at in retired if retired_at <= since],
        )

    return TokenKeys(read)
