"""The one place through which sessions and grants end. Whoever has to hear of it is told in the same work: partners by
a notice for each grant, clients of a session by back-channel logout.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.client import ClientRegistry
from broker.core.ending import Ending, GrantsOf, SessionsOf
from broker.flows.ports import LoginRegister, PartnerEvents
from broker.wire.keys import Entropy


class LoginWork(Protocol):
    """The part of a work that this takes."""

    @property
    def logins(self) -> LoginRegister: ...
    @property
    def clients(self) -> ClientRegistry: ...
    @property
    def partner_events(self) -> PartnerEvents: ...


def end_grants(
    work: LoginWork,
    whose: GrantsOf,
    ending: Ending,
    *,
    at: datetime,
    entropy: Entropy,
    more: Mapping[str, Any] | None = None,
) -> Sequence[Grant]:
    """Revoke the grants that stand, and tell each one's partner; `more` goes into the notice. Returns those that this
    call ended, in the order of their ids: of two at once one gets each.
    """
    ended = work.logins.end_grants(whose, at)
    if ending.notice is None:
        return ended
    partners: dict[str, str | None] = {}
    for grant in ended:
        if grant.expires_at <= at:
            continue  # it was over anyway, as the partner knows
        if grant.client_id not in partners:
            client = work.clients.find(grant.client_id)
            partners[grant.client_id] = client.partner_id if client is not None else None
        partner_id = partners[grant.client_id]
        if partner_id is not None:
            body = {"grants": [str(grant.grant_id)], "reason": ending.value, **(more or {})}
            work.partner_events.enqueue(partner_id, ending.notice, body, at=at, entropy=entropy)
    return ended


def end_sessions(work: LoginWork, whose: SessionsOf, ending: Ending, *, at: datetime, entropy: Entropy) -> None:
    """Log out: the sessions, and the grants that they carried but for offline access and the wallet."""
    sessions = work.logins.drop_sessions(whose)
    if sessions:
        # Codes before notices: a code that is being redeemed now has noted its client by then.
        end_grants(work, GrantsOf(sessions=sessions), ending, at=at, entropy=entropy)
        work.logins.note_logouts(sessions)


def end_logins_at(
    work: LoginWork, traveller: UUID, provider: str, ending: Ending, *, at: datetime, entropy: Entropy
) -> None:
    """All of a person that rests on a login at that provider, offline access and the wallet too."""
    end_sessions(work, SessionsOf(traveller=traveller, provider=provider), ending, at=at, entropy=entropy)
    end_grants(work, GrantsOf(traveller=traveller, provider=provider), ending, at=at, entropy=entropy)


def end_all_logins(work: LoginWork, traveller: UUID, ending: Ending, *, at: datetime, entropy: Entropy) -> None:
    """Every session and grant of the person."""
    end_sessions(work, SessionsOf(traveller=traveller), ending, at=at, entropy=entropy)
    end_grants(work, GrantsOf(traveller=traveller), ending, at=at, entropy=entropy)
