"""Somebody works here no more."""

from datetime import datetime

from broker.core.denial import InvalidInput
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def suspend_staff(work: Work, *, staff_id: str, at: datetime, entropy: Entropy) -> bool:
    """End the member's sessions, links and right to sign, for good. False when that was done before. Raises
    InvalidInput for an unknown id.
    """
    member = work.staff.find(staff_id)
    if member is None:
        raise InvalidInput("unknown_staff", "nobody has that id")
    if not member.active:
        return False
    work.staff.suspend(staff_id, at)
    work.journal.append(Entry("staff:account:suspended", {"staff": staff_id}), at=at, entropy=entropy)
    return True
