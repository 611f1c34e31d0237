"""A partner is stopped, and goes on again. Its tokens are refused from the next request on: every request asks for the
state of client and partner. Its grants stand, unless `end_partner_grants` ends them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from broker.core.client import ClientStatus
from broker.core.denial import InvalidInput
from broker.core.ending import Ending, GrantsOf
from broker.core.partner import Partner, PartnerStatus
from broker.flows.end_logins import end_grants
from broker.flows.onboard_partner import known_partner
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def suspend_partner(work: Work, *, partner_id: str, at: datetime, entropy: Entropy) -> Partner:
    """Suspend the partner with all its clients; suspending again changes nothing. Raises InvalidInput."""
    return _move(work, partner_id, PartnerStatus.SUSPENDED, at=at, entropy=entropy)


def resume_partner(work: Work, *, partner_id: str, at: datetime, entropy: Entropy) -> Partner:
    """Let the partner and its clients go on, but for those that were suspended by themselves; what expired or was
    revoked meanwhile stays so. Raises InvalidInput.
    """
    return _move(work, partner_id, PartnerStatus.ACTIVE, at=at, entropy=entropy)


def end_partner_grants(
    work: Work, *, partner_id: str, clients: Sequence[str] | None = None, at: datetime, entropy: Entropy
) -> int:
    """End every grant that the partner's clients hold, or those clients alone; returns how many. The consents stand, so
    people are not asked the same again. Raises InvalidInput.
    """
    known_partner(work, partner_id)
    own = {client.client_id for client in work.clients.of_partner(partner_id)}
    named = own if clients is None else set(clients)
    if not named <= own:
        raise InvalidInput("unknown_client", f"no clients of {partner_id}: {', '.join(sorted(named - own))}")
    ended = end_grants(work, GrantsOf(clients=sorted(named)), Ending.OPERATOR, at=at, entropy=entropy)
    clear = {"partner": partner_id, "clients": sorted(named), "grants": len(ended)}
    work.journal.append(Entry("operator:grants:ended", clear), at=at, entropy=entropy)
    return len(ended)


def _move(work: Work, partner_id: str, status: PartnerStatus, *, at: datetime, entropy: Entropy) -> Partner:
    partner = known_partner(work, partner_id)
    if partner.status is status:
        return partner
    work.partners.set_status(partner_id, status, at)
    for client in work.clients.of_partner(partner_id):
        stays = client.suspended_alone or status is PartnerStatus.SUSPENDED
        work.clients.change(replace(client, status=ClientStatus.SUSPENDED if stays else ClientStatus.ACTIVE))
    happened = "suspended" if status is PartnerStatus.SUSPENDED else "resumed"
    work.partner_events.enqueue(partner_id, f"partner.{happened}", {}, at=at, entropy=entropy)
    work.journal.append(Entry(f"operator:partner:{happened}", {"partner": partner_id}), at=at, entropy=entropy)
    return replace(partner, status=status, status_at=at)
