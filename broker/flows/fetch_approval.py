"""A partner fetches what a form or a signature came to: this is when it leaves, so it is decided now once more."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from broker.core.approval import ApprovalKind, ApprovalRequest, ApprovalStatus
from broker.core.claim_categories import categories_of
from broker.core.client import Client
from broker.core.denial import Denied, Refusal
from broker.core.departure import Kept
from broker.core.rulebook import Rulebook
from broker.flows.decide_approval import decide_approval
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy

FETCHED = "partner:approval:fetched"
HELD = "partner:approval:held"


def fetch_approval(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    client: Client,
    kind: ApprovalKind,
    request_id: UUID,
    at: datetime,
    entropy: Entropy,
) -> ApprovalRequest | Denied:
    """The partner's own request with its status now; `result` is there only while it may be fetched, and is deleted
    soon after the first time, or when the law holds it back.
    """
    request = work.approvals.lock(request_id)
    if request is None or request.partner_id != client.partner_id or request.kind is not kind:
        return Denied(Refusal.REQUEST_UNKNOWN, "no such request of this partner")
    partner = work.partners.find(request.partner_id)
    if not request.fetchable(at) or request.result is None or request.traveller is None or partner is None:
        if request.result is not None:
            work.approvals.keep(replace(request, result=None))
        return replace(request, status=request.status_at(at), result=None)
    # (1) what the law of the place where the data reside says today
    traveller = request.traveller
    departure = decide_approval(
        work, request, keys=keys, rulebook=rulebook, traveller=traveller, partner=partner, at=at
    )
    held = departure.refusal is not None
    clear = {"recipient": request.partner_id, "purpose": request.purpose, "claims": sorted(request.claims())}
    personal = {"request": str(request_id), "at": at.isoformat()}
    entry = Entry(HELD if held else FETCHED, clear, personal, traveller, keys.key(traveller), departure)
    work.journal.append(entry, at=at, entropy=entropy)
    if held:
        ended = replace(request, status=ApprovalStatus.HELD, result=None)
        work.approvals.keep(ended)
        return ended
    # (2) given out, for the first time or again
    kinds = categories_of(request.claims())
    result = Kept(request.result, departures=work.departures, traveller=traveller, categories=kinds).leave(departure)
    fetched = request if request.fetched_at is not None else replace(request, fetched_at=at)
    fetched = replace(fetched, status=ApprovalStatus.FETCHED, result=result)
    work.approvals.keep(fetched)
    return fetched
