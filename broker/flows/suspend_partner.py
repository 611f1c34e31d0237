"""A partner is stopped, and goes on again. Its tokens are refused from the next request on: every request asks for the
state of client and partner.
"""

from dataclasses import replace
from datetime import datetime

from broker.core.client import ClientStatus
from broker.core.partner import Partner, PartnerStatus
from broker.flows.onboard_partner import known_partner
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def suspend_partner(work: Work, *, partner_id: str, at: datetime, entropy: Entropy) -> Partner:
    """Suspend the partner with all its clients; suspending again changes nothing. Raises InvalidInput."""
    return _move(work, partner_id, PartnerStatus.SUSPENDED, at=at, entropy=entropy)


def resume_partner(work: Work, *, partner_id: str, at: datetime, entropy: Entropy) -> Partner:
    """Let the partner and its clients go on; what expired or was revoked meanwhile stays so. Raises InvalidInput."""
    return _move(work, partner_id, PartnerStatus.ACTIVE, at=at, entropy=entropy)


def _move(work: Work, partner_id: str, status: PartnerStatus, *, at: datetime, entropy: Entropy) -> Partner:
    partner = known_partner(work, partner_id)
    if partner.status is status:
        return partner
    work.partners.set_status(partner_id, status, at)
    for client in work.clients.of_partner(partner_id):
        work.clients.change(replace(client, status=ClientStatus(status.value)))
    happened = "suspended" if status is PartnerStatus.SUSPENDED else "resumed"
    work.journal.append(Entry(f"operator:partner:{happened}", {"partner": partner_id}), at=at, entropy=entropy)
    return replace(partner, status=status, status_at=at)
