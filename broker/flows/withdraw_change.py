"""A change ends before its time: by a change of its own, which two operators sign like any other."""

from datetime import datetime
from uuid import UUID

from broker.core.change_body import Kind
from broker.core.denial import InvalidInput
from broker.core.governance.policy import Policy
from broker.core.governed_change import GovernedChange
from broker.flows.ports import KeyStore, Work
from broker.flows.propose_change import Proposal, propose_change
from broker.wire.keys import Entropy


def withdraw_change(
    work: Work,
    *,
    change_id: UUID,
    because: str,
    keys: KeyStore,
    policy: Policy,
    origin: str,
    staff_id: str,
    at: datetime,
    entropy: Entropy,
) -> GovernedChange:
    """The proposal to end it, unsigned. Raises InvalidInput."""
    target = work.changes.find(change_id)
    if target is None:
        raise InvalidInput("unknown_change", "there is no such change")
    proposal = Proposal(
        kind=Kind.WITHDRAWAL,
        because=because,
        since=at,
        # Nothing of it is left to stand when the change itself is over.
        until=target.until,
        body={"change": target.change_id.hex, "digest": target.digest.hex()},
    )
    return propose_change(
        work, proposal, keys=keys, policy=policy, origin=origin, staff_id=staff_id, at=at, entropy=entropy
    )
