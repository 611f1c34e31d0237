"""Where decisions become departures. An import contract lets the two flows in that decide, and nobody else."""

from uuid import UUID

from broker.core.departure import MAKER, Departure, Departures
from broker.core.governance.decision import Decision
from broker.core.transfer import Entered, Outgoing


def departure(
    departures: Departures,
    decision: Decision,
    outgoing: Outgoing,
    *,
    traveller: UUID,
    origin: str,
    entered: Entered | None = None,
) -> Departure:
    """The decision, bound to its transaction and to what it was made about."""
    return Departure(departures, decision, outgoing, traveller=traveller, origin=origin, entered=entered, maker=MAKER)
