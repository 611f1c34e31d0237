"""Two accounts are one person's: an officer who saw the documents says so, one account stays and the other ends
(specs/linking.md 6).
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from broker.core.denial import Denied, Refusal
from broker.flows.erase import Erasure, erase
from broker.flows.merge_counts import merge_counts
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy, Signer


def merge_people(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    survivor: UUID,
    merged: UUID,
    officer: str,
    at: datetime,
    entropy: Entropy,
) -> Erasure | Denied:
    """`merged` is erased; its identities, its documents and its places in the counts become the survivor's. Commit,
    then call `destroy_erased_keys`. Denied: identity_unknown for one and the same account. Raises UnknownTraveller.
    """
    if survivor == merged:
        return Denied(Refusal.IDENTITY_UNKNOWN, "an account is not merged with itself")
    # (1) both people, in order of id, so that two officers never wait for each other
    for traveller in sorted((survivor, merged)):
        work.travellers.lock(traveller)
    theirs = {link.provider for link in work.identities.of(survivor)}
    links = [link for link in work.identities.of(merged) if link.provider not in theirs]
    documents = sorted(work.identities.documents_of(merged), key=lambda document: document.document)
    # (2) one account ends: its releases under way have committed by then, and no more can begin
    erasure = erase(work, status_signer=status_signer, traveller=merged, at=at, entropy=entropy)
    # (3) what the person logs in with, one identity for each provider, and is known by
    for link in links:
        work.identities.add(replace(link, traveller=survivor))
    work.identities.claim_documents(survivor, documents)
    # (4) journalled; the ledger comes last in the lock order
    entry = Entry("traveller:identity:merged", {"officer": officer}, None, survivor, keys.key(survivor))
    work.journal.append(entry, at=at, entropy=entropy)
    merge_counts(work, keys=keys, survivor=survivor, merged=merged, at=at)
    return erasure
