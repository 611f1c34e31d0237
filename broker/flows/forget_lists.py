"""Lists of people that nobody may ask any more are destroyed: first their key, then the hashes."""

from datetime import datetime, timedelta
from typing import Final

from broker.core.special_list import key_id
from broker.flows.ports import BeginWork, Entry, KeyStore
from broker.wire.keys import Entropy

KEPT: Final = timedelta(days=3 * 365 + 1)
"""After its end: as long as the record of an impact assessment (PIPL 56), so that a decision can be looked at again."""


def forget_lists(begin: BeginWork, *, keys: KeyStore, at: datetime, entropy: Entropy) -> int:
    """Destroy the lists of proposals that lapsed and of changes over for three years; returns how many. Safe to repeat:
    a key that is gone, with its hashes still there, is met again the next time.
    """
    with begin() as work:
        due = work.changes.lists_to_forget(at, kept=KEPT)
    for change_id in due:
        keys.destroy(key_id(change_id))
        with begin() as work:
            work.changes.forget_list(change_id)
            entry = Entry("governance:list:destroyed", {"change": change_id.hex})
            work.journal.append(entry, at=at, entropy=entropy)
    return len(due)
