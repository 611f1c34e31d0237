"""Which of the broker's public keys gates believe, and from when until when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from broker.core.travel import LIFETIME
from broker.stores.signing_keys import SigningKeys
from broker.wire.registry import KeyUse
from broker.wire.trust_list import TrustedKey

GATE_USES = (KeyUse.PASS, KeyUse.STATUS)
# A current key has no end of its own: the trust list that names it expires, and a rotation sets the end. The interval
# is fixed, so that the same keys always make the same list.
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_OPEN_END = datetime(2100, 1, 1, tzinfo=UTC)
# What a retired key signed last stays good for the longest pass lifetime and some skew.
_AFTERLIFE = max(LIFETIME.values()) + timedelta(hours=1)


def trusted_keys(signing: SigningKeys, *, uses: Sequence[KeyUse] = GATE_USES) -> tuple[TrustedKey, ...]:
    """Current and retired keys for `uses`. Raises SecretFileError."""
    found = []
    for use in uses:
        found.append(TrustedKey(signing.signer(use).public, _SINCE, _OPEN_END))
        found += [TrustedKey(key.public, _SINCE, key.retired_at + _AFTERLIFE) for key in signing.retired(use)]
    return tuple(found)
