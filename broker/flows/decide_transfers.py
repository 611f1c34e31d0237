"""Several decisions in one transaction, each knowing those before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.departure import Departure
from broker.core.transfer import Outgoing, Subject, TransferRules
from broker.flows.decide_transfer import decide_transfer
from broker.flows.ports import KeyStore, Work


@dataclass(frozen=True, slots=True)
class Leaving:
    """One person's data about to leave once."""

    traveller: UUID
    subject: Subject
    outgoing: Outgoing


def decide_transfers(
    work: Work, leaving: Sequence[Leaving], *, keys: KeyStore, rules: TransferRules, at: datetime
) -> list[Departure]:
    """As `decide_transfer` over each in turn."""
    return [
        decide_transfer(
            work, keys=keys, rules=rules, traveller=one.traveller, subject=one.subject, outgoing=one.outgoing, at=at
        )
        for one in leaving
    ]
