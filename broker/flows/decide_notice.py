"""What the law says of naming a person in a notice to a partner.

What the notice tells is a duty (data/duties.toml), so it goes out in any case: where the name may not go, it goes
without (specs/departures.md 4).
"""

from dataclasses import replace
from datetime import datetime

from broker.core.claim_categories import PSEUDONYM
from broker.core.departure import Kept
from broker.core.duty import NOTICE_OF_ENDING
from broker.core.partner import Partner
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.core.webhook import PartnerEvent
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.opening import open_claims
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy

TOLD = "partner:event:told"
WITHHELD = "partner:event:withheld"


def decide_notice(
    work: Work,
    event: PartnerEvent,
    partner: Partner,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    at: datetime,
    entropy: Entropy,
) -> PartnerEvent:
    """The notice as it may be sent from now on, journalled among the uses of the person's data. Who was erased
    meanwhile is named to nobody.
    """
    if event.subject is None or event.decided:
        return event
    traveller = work.logins.person_behind(event.subject)
    if traveller is None:
        work.partner_events.decided(event.event_id, subject=None)
        return replace(event.bare(), decided=True)
    key, sealed = keys.key(traveller), work.travellers.claims(traveller)
    claims = None if sealed is None else open_claims(work, sealed, traveller=traveller, key=key)
    departure = decide_transfer(
        work,
        keys=keys,
        rules=rulebook.transfers,
        traveller=traveller,
        subject=subject_of(work.travellers.find(traveller).jurisdiction, claims, at=at),
        outgoing=Outgoing(
            partner.partner_id,
            partner.jurisdiction,
            (PSEUDONYM,),
            rulebook.duties.terms[NOTICE_OF_ENDING],
            purpose=NOTICE_OF_ENDING,
        ),
        at=at,
    )
    held = departure.refusal is not None
    personal = {"event": str(event.event_id), "at": at.isoformat()}
    clear = {"recipient": partner.partner_id, "notice": event.name}
    entry = Entry(WITHHELD if held else TOLD, clear, personal, traveller, key, departure)
    work.journal.append(entry, at=at, entropy=entropy)
    told = replace(event.bare(), decided=True)
    if not held:
        named = Kept(event, departures=work.departures, traveller=traveller, categories=(PSEUDONYM,))
        told = replace(named.leave(departure), decided=True)
    work.partner_events.decided(event.event_id, subject=told.subject)
    return told
