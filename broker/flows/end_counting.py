"""Who was counted long ago leads to nobody any more: keys of counts are destroyed when their time is over, with the
rows made under them. Totals stay (specs/transfer-ledger.md 3).
"""

from collections.abc import Sequence
from datetime import datetime

from broker.core.counting import CountingKey, CountingTerms
from broker.core.governance.calendar import shanghai_date
from broker.core.traveller import JURISDICTION
from broker.flows.ports import BeginWork, Entry, KeyStore
from broker.wire.keys import Entropy

YEARS_AHEAD = 2


def end_counting(
    begin: BeginWork, *, keys: KeyStore, terms: CountingTerms, at: datetime, entropy: Entropy
) -> Sequence[CountingKey]:
    """Destroy every counting key whose window and audit period have ended; returns those. Safe to repeat, also after a
    crash: a key is destroyed before that is noted and journalled.
    """
    with begin() as work:
        origins = work.transfers.origins() | frozenset(JURISDICTION.values())
        known = work.transfers.keys_ended()
    over = [key for key in terms.ended(origins, at) if key not in known]
    for key in over:
        keys.destroy(key.key_id)
    if over:
        with begin() as work:
            work.transfers.note_ended(over, at)
            said = [{"rule": key.rule.value, "origin": key.origin, "year": key.year} for key in over]
            entries = [Entry("ledger:counting-key:destroyed", clear) for clear in said]
            work.journal.append_all(entries, at=at, entropy=entropy)
    return over


def keep_ledger(begin: BeginWork, *, at: datetime) -> None:
    """Make the coming years' partitions, and add up the changes in the store of faces. Safe to repeat."""
    with begin() as work:
        work.transfers.make_years(shanghai_date(at).year + YEARS_AHEAD)
    with begin() as work:
        work.transfers.fold_faces()
