"""The trust list: the public keys gates believe, signed by the root (specs/trust-list.md)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from broker.flows.ports import PublishedTrustList, Work
from broker.wire import cbor
from broker.wire.keys import Signer
from broker.wire.trust_list import TrustedKey, TrustList, sign

LIFETIME = timedelta(days=30)
REFRESH = timedelta(days=1)
"""A list is signed anew at this age. A gate cut off for the rest of its lifetime refers everybody to an officer."""


def publish_trust_list(work: Work, *, root: Signer, keys: Sequence[TrustedKey], at: datetime) -> PublishedTrustList:
    """Sign and publish the next version, unless the latest names exactly these keys and is younger than a day.

    Raises ValueError without keys: a list that trusts nobody would close every lane.
    """
    if not keys:
        raise ValueError("a trust list names at least one key")
    digest = keys_digest(keys)
    last = work.trust_lists.latest(lock=True)
    if last is not None and last.keys_digest == digest and at - last.issued_at < REFRESH:
        return last
    version = 1 if last is None else last.version + 1
    issued_at = at.replace(microsecond=0)  # CWT times are whole seconds
    raw = sign(TrustList(version, issued_at, issued_at + LIFETIME, tuple(keys)), root)
    published = PublishedTrustList(version, issued_at, issued_at + LIFETIME, digest, raw)
    work.trust_lists.publish(published)
    return published


def keys_digest(keys: Sequence[TrustedKey]) -> bytes:
    """SHA-256 over what a list would say about `keys`, whatever their order."""
    entries = sorted(
        cbor.encode(
            [
                key.public.use.value,
                key.public.to_cose_key(),
                int(key.valid_from.timestamp()),
                int(key.valid_until.timestamp()),
            ]
        )
        for key in keys
    )
    return hashlib.sha256(b"".join(entries)).digest()
