"""What the law says of a form's or a signature's result: asked when it is sealed, and again when it is given out."""

from datetime import datetime
from uuid import UUID

from broker.core.approval import ApprovalRequest
from broker.core.claim_categories import categories_of, receivable
from broker.core.departure import Departure
from broker.core.partner import Partner
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.opening import open_claims
from broker.flows.ports import KeyStore, Work


def decide_approval(
    work: Work,
    request: ApprovalRequest,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    partner: Partner,
    at: datetime,
) -> Departure:
    """The decision over the result of `request`, which is about `traveller`. Raises UnknownTraveller, FactsError."""
    origin, sealed = work.travellers.find(traveller).jurisdiction, work.travellers.claims(traveller)
    key = keys.key(traveller)
    claims = None if sealed is None else open_claims(work, sealed, traveller=traveller, key=key)
    terms = rulebook.partner.purpose(request.purpose).terms
    outgoing = Outgoing(
        partner.partner_id,
        partner.jurisdiction,
        categories_of(request.claims()),
        terms,
        purpose=request.purpose,
        beside=receivable(partner.ceilings.claims),
    )
    return decide_transfer(
        work,
        keys=keys,
        rules=rulebook.transfers,
        traveller=traveller,
        subject=subject_of(origin, claims, at=at),
        outgoing=outgoing,
        at=at,
    )
