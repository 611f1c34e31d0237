"""The operator's webhook is told of each alarm, at least once. No transaction is open while it answers."""

from collections.abc import Callable
from datetime import datetime

from broker.flows.ports import BeginWork
from broker.flows.ports.papers import RaisedAlarm

Tell = Callable[[RaisedAlarm], bool]
"""Whether the webhook took it."""


def tell_alarms(begin: BeginWork, tell: Tell, *, at: datetime) -> int:
    """How many were taken. The first that is not ends the round: the rest would fare no better."""
    with begin() as work:
        waiting = work.alarms.untold()
    taken = 0
    for raised in waiting:
        if not tell(raised):
            break
        with begin() as work:
            work.alarms.told(raised.alarm, at)
        taken += 1
    return taken
