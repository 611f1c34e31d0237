"""A provider that fills no tokens in has to know who signs: the number it issued itself goes to it, hashed by the
connector, by a decision of its own (iAM Smart: HKICHash).
"""

from typing import Final

from broker.core.approval import OPEN, ApprovalRequest, ApprovalStatus
from broker.core.claim_categories import NUMBER
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.core.traveller import JURISDICTION
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.end_approval import end_approval
from broker.flows.opening import open_claims, open_number
from broker.flows.ports import BeginWork, Entry, KeyStore
from broker.wire.identity_connector import LoginStart
from broker.wire.identity_grant import DocumentType

TOLD: Final = "provider:number:told"


def tell_number(
    begin: BeginWork,
    request: ApprovalRequest,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    provider: str,
    start: LoginStart,
) -> str | ApprovalRequest | None:
    """The number of the person's Hong Kong identity card, which may go to `provider`; None for somebody who has none.
    Where the law holds it back the request ends, and is returned.
    """
    if request.traveller is None:
        return None
    traveller, key = request.traveller, keys.key(request.traveller)
    with begin() as work:
        sealed = work.travellers.claims(traveller)
        if sealed is None:
            return None
        number = open_number(work, sealed, DocumentType.HKID, traveller=traveller, key=key)
        if number is None:
            return None
        claims = open_claims(work, sealed, traveller=traveller, key=key)
        departure = decide_transfer(
            work,
            keys=keys,
            rules=rulebook.transfers,
            traveller=traveller,
            subject=subject_of(work.travellers.find(traveller).jurisdiction, claims, at=start.at),
            outgoing=Outgoing(
                provider,
                JURISDICTION[DocumentType.HKID],
                (NUMBER,),
                rulebook.partner.purpose(request.purpose).terms,
                purpose=request.purpose,
            ),
            at=start.at,
        )
        if departure.refusal is not None:
            locked = work.approvals.lock(request.request_id)
            if locked is not None and locked.status_at(start.at) in OPEN:
                request = locked
            held = ApprovalStatus.HELD
            return end_approval(work, request, held, at=start.at, entropy=start.entropy, departure=departure)
        clear = {"provider": provider, "purpose": request.purpose}
        personal = {"request": str(request.request_id), "at": start.at.isoformat()}
        entry = Entry(TOLD, clear, personal, traveller, key, departure)
        work.journal.append(entry, at=start.at, entropy=start.entropy)
        return number.leave(departure)
