"""What became of grants that a partner's clients hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from broker.core.authorization import Grant
from broker.flows.ports import Work

GrantState = Literal["active", "revoked", "expired", "unknown"]


@dataclass(frozen=True, slots=True)
class GrantStatus:
    """`expires_at` and `consents` are there for a grant that is known; one of another partner is unknown."""

    grant_id: UUID
    state: GrantState
    expires_at: datetime | None = None
    consents: tuple[UUID, ...] = ()


def grant_status(work: Work, *, partner_id: str, grants: Sequence[UUID], at: datetime) -> Sequence[GrantStatus]:
    """In the order asked. Another partner's grant and one that never was are answered alike."""
    own = {client.client_id for client in work.clients.of_partner(partner_id)}
    return [_status(grant_id, work.logins.grant(grant_id), own, at) for grant_id in grants]


def _status(grant_id: UUID, grant: Grant | None, own: set[str], at: datetime) -> GrantStatus:
    if grant is None or grant.client_id not in own:
        return GrantStatus(grant_id, "unknown")
    state: GrantState = "revoked" if grant.revoked_at is not None else "expired" if grant.expires_at <= at else "active"
    return GrantStatus(grant_id, state, grant.expires_at, grant.consents)
