"""A request for approval ends, with or without a result, and its partner is told."""

from dataclasses import replace
from datetime import datetime

from broker.core.approval import ApprovalRequest, ApprovalStatus
from broker.core.departure import Departure
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def end_approval(
    work: Work,
    request: ApprovalRequest,
    status: ApprovalStatus,
    *,
    at: datetime,
    entropy: Entropy,
    departure: Departure | None = None,
) -> ApprovalRequest:
    """Settle a locked request without a result, journal it and tell the partner. `departure`: the decision that ended
    it, which the person finds among the uses of their data. The browser may still be on its way
    back from the provider: the state it brings goes on naming this request.
    """
    ended = replace(request, status=status, memory=None, settled_at=at)
    work.approvals.keep(ended)
    clear = {"recipient": request.partner_id, "purpose": request.purpose, "status": status.value}
    traveller = request.traveller if departure is not None else None
    entry = Entry("partner:approval:ended", clear, traveller=traveller, departure=departure)
    work.journal.append(entry, at=at, entropy=entropy)
    tell_partner(work, ended, at=at, entropy=entropy)
    return ended


def tell_partner(work: Work, request: ApprovalRequest, *, at: datetime, entropy: Entropy) -> None:
    """Spare the partner from asking again and again."""
    body = {"request": str(request.request_id), "status": request.status.value}
    work.partner_events.enqueue(request.partner_id, "request.settled", body, at=at, entropy=entropy)
