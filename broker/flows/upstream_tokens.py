"""Upstream tokens in use: opened under the person's key, refreshed before they expire, by one caller at a time, at the
provider that issued them and no other.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from broker.core.sealing import SALT_BYTES, seal
from broker.core.traveller import tokens_context
from broker.core.unsealing import unseal
from broker.flows.ports import BeginWork, KeyStore
from broker.wire.identity_connector import ConnectorError, ProviderFault, RefreshingConnector
from broker.wire.keys import Entropy
from broker.wire.upstream_tokens import UpstreamTokens

EARLY: Final = timedelta(minutes=2)
"""How long before their expiry tokens are refreshed."""
LEASE: Final = timedelta(seconds=30)
"""Longer than an exchange with a provider may take."""


def usable_tokens(
    begin: BeginWork,
    *,
    keys: KeyStore,
    provider: str,
    connector: RefreshingConnector | None,
    traveller: UUID,
    at: datetime,
    entropy: Entropy,
) -> UpstreamTokens | None:
    """The person's tokens of `provider`, good for now; None when there are none, or they can no longer be renewed: the
    person logs in there again. `connector`: that provider's, None when it renews nothing.

    No transaction stays open during the call to the provider. Raises ConnectorError; `unreachable` also when the tokens
    have expired and somebody else is refreshing them just now.
    """
    if connector is not None and connector.provider != provider:
        raise ConnectorError(provider, ProviderFault.MISCONFIGURED, "its tokens were meant for another connector")
    with begin() as work:
        sealed = work.tokens.find(traveller, provider)
        if sealed is None:
            return None
        key = keys.key(traveller)
        tokens = _open(sealed, key=key, provider=provider)
        if tokens.expires_at is None or at < tokens.expires_at - EARLY:
            return tokens
        expired = tokens.expires_at <= at
        if connector is None or tokens.refresh_token is None:
            return None if expired else tokens
        ours = work.tokens.lease(traveller, provider, until=at + LEASE, at=at)
    if not ours:
        if expired:
            raise ConnectorError(provider, ProviderFault.UNREACHABLE, "its tokens are being refreshed")
        return tokens
    try:
        renewed = connector.refresh(tokens, at=at)
    except ConnectorError as error:
        if error.fault is not ProviderFault.REFUSED:
            raise
        with begin() as work:
            # Destroyed only if they are still the ones that were refused.
            if work.tokens.find(traveller, provider) == sealed:
                work.tokens.destroy(traveller, provider)
        return None
    if renewed.provider != provider:
        raise ConnectorError(provider, ProviderFault.GARBLED, "the renewed tokens are another provider's")
    with begin() as work:
        salt = entropy(SALT_BYTES)
        fresh = seal(renewed.model_dump_json().encode(), key=key, context=tokens_context(provider), salt=salt)
        # Unlinked or withdrawn meanwhile: then the new ones are forgotten too.
        if work.tokens.find(traveller, provider) == sealed:
            work.tokens.keep(traveller, provider, fresh, expires_at=renewed.expires_at)
    return renewed


def _open(sealed: bytes, *, key: bytes, provider: str) -> UpstreamTokens:
    tokens = UpstreamTokens.model_validate_json(unseal(sealed, key=key, context=tokens_context(provider)))
    if tokens.provider != provider:
        raise ValueError("tokens lie under another provider's name")
    return tokens
