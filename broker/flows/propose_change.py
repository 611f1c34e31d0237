"""An operator proposes a change; their signature is the first of two."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from broker.core.change_body import LISTS, Kind
from broker.core.denial import InvalidInput
from broker.core.governance.policy import Policy, PolicyError
from broker.core.governed_change import GovernedChange, propose
from broker.core.special_list import Document, Special, SpecialList, key_id, made_of
from broker.core.standing_changes import Term, governed
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed. `body` for every kind but the lists; `entries` for the lists."""

    kind: Kind
    because: str
    since: datetime
    until: datetime
    body: Mapping[str, Any] | None = None
    entries: Iterable[tuple[Document, Special]] | None = None


def propose_change(
    work: Work,
    proposal: Proposal,
    *,
    keys: KeyStore,
    policy: Policy,
    origin: str,
    staff_id: str,
    at: datetime,
    entropy: Entropy,
) -> GovernedChange:
    """Keep the proposal, unsigned: it has no effect. Raises InvalidInput for what could never be in force."""
    change_id = UUID(bytes=entropy(16), version=4)
    listed = _listed(change_id, proposal, keys)
    body = proposal.body if listed is None else {"entries": len(listed.members), "digest": listed.digest()}
    if body is None or (listed is not None and proposal.body is not None):
        raise InvalidInput("bad_change", "lists are made of entries, and every other change of a body")
    change = propose(
        change_id=change_id,
        kind=proposal.kind,
        body=body,
        because=proposal.because,
        origin=origin,
        since=max(proposal.since, at),
        until=proposal.until,
        proposed_by=staff_id,
        at=at,
    )
    if proposal.kind is Kind.WITHDRAWAL:
        _ends_something(work, change, at)
    _fits_the_rules(change, policy)
    work.changes.add(change, listed)
    work.journal.append(_entry(change), at=at, entropy=entropy)
    return change


def _listed(change_id: UUID, proposal: Proposal, keys: KeyStore) -> SpecialList | None:
    if proposal.kind not in LISTS or proposal.entries is None:
        return None
    # A key of its own: nobody can tell whether two lists have somebody in common. Unused if this work fails.
    keys.create(key_id(change_id))
    return made_of(change_id, proposal.kind, proposal.entries, key=keys.key(key_id(change_id)))


def _ends_something(work: Work, change: GovernedChange, at: datetime) -> None:
    target = work.changes.find(UUID(hex=str(change.body["change"])))
    if target is None or target.digest.hex() != change.body["digest"] or target.kind is Kind.WITHDRAWAL:
        raise InvalidInput("unknown_change", "there is no such change to withdraw")
    if target.in_force_at is None or at >= target.until:
        raise InvalidInput("not_in_force", "a change is withdrawn that two have signed, in its time")


def _fits_the_rules(change: GovernedChange, policy: Policy) -> None:
    """Compiled as it will be: a category that no rule knows must not turn up when it binds."""
    try:
        governed(policy, [Term(change, change.since, change.until)])
    except PolicyError as error:
        raise InvalidInput("bad_change", str(error)) from error


def _entry(change: GovernedChange) -> Entry:
    """Everything that is signed, so that anybody can check the signatures from the journal alone. Of a list its length
    and digest: what was changed is nobody's secret, who is on a list is.
    """
    clear = {
        "change": change.change_id.hex,
        "kind": change.kind.value,
        "digest": change.digest.hex(),
        "from": change.since.isoformat(),
        "until": change.until.isoformat(),
        "by": change.proposed_by,
        "at": change.proposed_at.isoformat(),
        "broker": change.origin,
        "because": change.because,
        "body": change.body,
    }
    return Entry("governance:change:proposed", clear)
