"""What has had its time is deleted, category by category, each with a signed receipt and a journal entry in the same
transaction (specs/rights.md 8).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from broker.core.jws import sign_statement
from broker.core.retention import TYP, Category, RetentionRules, hash_root, receipt_claims
from broker.flows.ports import BeginWork, Entry
from broker.flows.ports.retention import KeptReceipt
from broker.wire.keys import Entropy, Signer

BATCH: Final = 1000
_MOST_BATCHES: Final = 1000


@dataclass(frozen=True, slots=True)
class Removed:
    """What one run did to one category."""

    category: str
    deleted: int
    receipts: tuple[UUID, ...]


def run_retention(
    begin: BeginWork,
    *,
    rules: RetentionRules,
    categories: Sequence[Category],
    signer: Signer,
    issuer: str,
    at: datetime,
    entropy: Entropy,
) -> Sequence[Removed]:
    """Delete what is due in `categories`, in batches that each commit with their receipt. Safe to repeat and to run
    twice at once: what another run holds is left to it.
    """
    return [
        _remove(begin, category, rules, signer=signer, issuer=issuer, at=at, entropy=entropy) for category in categories
    ]


def count_due(begin: BeginWork, *, rules: RetentionRules, at: datetime) -> Sequence[tuple[Category, int]]:
    """How much a run would delete now; nothing is."""
    with begin() as work:
        return [(category, work.retention.due(category.id, category.before(at))) for category in rules.category]


def _remove(
    begin: BeginWork,
    category: Category,
    rules: RetentionRules,
    *,
    signer: Signer,
    issuer: str,
    at: datetime,
    entropy: Entropy,
) -> Removed:
    deleted, receipts = 0, []
    for _ in range(_MOST_BATCHES):
        with begin() as work:
            gone = work.retention.delete(category.id, category.before(at), limit=BATCH)
            if gone:
                receipt_id = UUID(bytes=entropy(16), version=4)
                clear = {
                    "category": category.id,
                    "deleted": len(gone),
                    "rules": rules.version,
                    "root": hash_root(gone).hex(),
                    "receipt": str(receipt_id),
                }
                leaf = work.journal.append(Entry("broker:data:deleted", clear), at=at, entropy=entropy)
                claims = receipt_claims(receipt_id, category, rules, gone, issuer=issuer, journal_leaf=leaf, at=at)
                signed = sign_statement(claims, signer, typ=TYP)
                work.retention.keep(KeptReceipt(receipt_id, category.id, at, len(gone), signed))
                deleted += len(gone)
                receipts.append(receipt_id)
        if len(gone) < BATCH:
            break
    return Removed(category.id, deleted, tuple(receipts))
