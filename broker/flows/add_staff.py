"""Somebody begins to work here."""

from datetime import datetime

from broker.core.denial import InvalidInput
from broker.core.staff import Staff
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def add_staff(work: Work, member: Staff, *, at: datetime, entropy: Entropy) -> None:
    """Enter the member. Raises InvalidInput when the id or the key is another's: one person, one key."""
    if not work.staff.add(member):
        raise InvalidInput("staff_taken", "that id or that key is registered already")
    clear = {
        "staff": member.staff_id,
        "roles": sorted(member.roles),
        "key": member.key.kid.hex(),
        "public_key": member.key.to_cose_key().hex(),
    }
    work.journal.append(Entry("staff:account:added", clear), at=at, entropy=entropy)
