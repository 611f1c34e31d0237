"""The token keys of the key folder as the ring that the authorization server reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.oidc.keys import KeyRing, TokenKey, TokenKeys
from broker.stores.secret_files import SecretFileError
from broker.stores.signing_keys import SigningKeys
from broker.stores.token_key_files import TokenAlg, TokenKeyFiles

PUBLISHED_AFTERWARDS: Final = timedelta(days=1)
"""How long a retired key stays in the JWKS: longer than anything it signed, and than anybody caches an answer."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What the files held when they looked like `stamp`."""

    stamp: tuple[object, ...]
    files: Sequence[TokenKeyFiles]
    current: TokenKey
    rsa: TokenKey | None


def token_keys(signing: SigningKeys, clock: Callable[[], datetime]) -> TokenKeys:
    """Raises SecretFileError at once when a key cannot be read, and again whenever it is read later."""
    return TokenKeys(ring_reader(signing, clock))


def ring_reader(signing: SigningKeys, clock: Callable[[], datetime]) -> Callable[[], KeyRing]:
    """Reads the ring. Files that look as before are not opened: parsing an RSA key checks it, which takes a quarter of
    a second, and requests wait for that.
    """
    held: _Held | None = None

    def read() -> KeyRing:
        nonlocal held
        stamp = signing.token_stamp()  # before the files: a change in between shows at the next look
        if held is None or held.stamp != stamp:
            held = _read(signing, stamp)
        since = clock() - PUBLISHED_AFTERWARDS
        retired = [one for files in held.files for one in files.retired]
        return KeyRing.of(
            held.current,
            rsa=held.rsa,
            ahead=[files.ahead for files in held.files if files.ahead is not None],
            retired=[key for key, retired_at in retired if retired_at > since],
            former=[key for key, retired_at in retired if retired_at <= since],
        )

    return read


def _read(signing: SigningKeys, stamp: tuple[object, ...]) -> _Held:
    found = {alg: files for alg in TokenAlg if (files := signing.token_keys(alg)) is not None}
    if TokenAlg.ES256 not in found:
        raise SecretFileError("there is no token key")
    rsa = found.get(TokenAlg.RS256)
    current = TokenKey.of(found[TokenAlg.ES256].current)
    return _Held(stamp, tuple(found.values()), current, TokenKey.of(rsa.current) if rsa is not None else None)
