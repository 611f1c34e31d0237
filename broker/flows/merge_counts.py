"""Two internal ids turn out to be one person: what either was counted in, the survivor is held in from now on, and no
past count is lowered (specs/transfer-ledger.md 4).
"""

from datetime import datetime
from uuid import UUID

from broker.core.counting import FIRST_YEAR, CountingKey, CountingRule
from broker.core.governance.calendar import shanghai_date
from broker.flows.counted_person import counted_as
from broker.flows.ports import KeyStore, Work


def merge_counts(work: Work, *, keys: KeyStore, survivor: UUID, merged: UUID, at: datetime) -> None:
    """The caller holds both travellers' locks, and nothing is released to or of `merged` any more. The ledger's locks
    come last in the lock order, so this comes last in its transaction.
    """
    ended = work.transfers.keys_ended()
    this_year = shanghai_date(at).year
    for origin in sorted(work.transfers.origins()):
        for year in range(FIRST_YEAR, this_year + 1):
            key = CountingKey(CountingRule.STATUTORY, origin, year)
            if key not in ended:
                ours, theirs = (counted_as(keys, person, key) for person in (survivor, merged))
                work.transfers.merge(year, survivor=ours, merged=theirs)
        # A person has rows under one name: the survivor's of last year move first, then the merged one's.
        now, before = (CountingKey(CountingRule.US_BULK, origin, year) for year in (this_year, this_year - 1))
        ours = counted_as(keys, survivor, now)
        for person, key in ((survivor, before), (merged, before), (merged, now)):
            work.transfers.merge_bulk(survivor=ours, merged=counted_as(keys, person, key))
