"""A client learns who signed in: the pseudonym under which it knows the person leaves, by a decision like any datum."""

from datetime import datetime
from typing import Final
from uuid import UUID

from broker.core.claim_categories import PSEUDONYM
from broker.core.client import SIGN_IN, Client
from broker.core.denial import Denied, Refusal
from broker.core.departure import Kept
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.opening import open_claims
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy

TOLD: Final = "partner:pseudonym:told"
WITHHELD: Final = "partner:pseudonym:withheld"


def name_person(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    client: Client,
    subject: str,
    at: datetime,
    entropy: Entropy,
) -> str | Denied:
    """`subject`, as the client may be told it now. A client of no partner is the person's own wallet, or exists in a
    sandbox alone, among invented people (core.client.check_registration): it is told as it is.

    Raises UnknownTraveller.
    """
    if client.partner_id is None:
        return subject
    partner = work.partners.find(client.partner_id)
    if partner is None or not partner.active:
        return Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
    origin, key = work.travellers.find(traveller).jurisdiction, keys.key(traveller)
    sealed = work.travellers.claims(traveller)
    claims = None if sealed is None else open_claims(work, sealed, traveller=traveller, key=key)
    departure = decide_transfer(
        work,
        keys=keys,
        rules=rulebook.transfers,
        traveller=traveller,
        subject=subject_of(origin, claims, at=at),
        outgoing=Outgoing(
            partner.partner_id,
            partner.jurisdiction,
            (PSEUDONYM,),
            rulebook.partner.purpose(SIGN_IN).terms,
            purpose=SIGN_IN,
        ),
        at=at,
    )
    refused = departure.refusal
    clear = {"recipient": partner.partner_id, "purpose": SIGN_IN}
    personal = {"client": client.client_id, "at": at.isoformat()}
    entry = Entry(TOLD if refused is None else WITHHELD, clear, personal, traveller, key, departure)
    work.journal.append(entry, at=at, entropy=entropy)
    if refused is not None:
        return Denied(refused, "the law of the place where the data reside does not let it go now")
    named = Kept(subject, departures=work.departures, traveller=traveller, categories=(PSEUDONYM,))
    return named.leave(departure)
