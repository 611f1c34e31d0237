"""A person takes a copy of everything about them: a release to themself, decided and journalled like any other
(specs/rights.md 3).
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.claim_categories import EVERY_CLAIM
from broker.core.consent import ConsentRecord
from broker.core.denial import Denied
from broker.core.departure import STATED, Departure, OwnUse
from broker.core.identity_release import details_of
from broker.core.portability import EXPORT, FORMAT, SELF, Wanted, plain
from broker.core.rights_request import RightsRequest
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.core.travel import IssuedPass
from broker.core.traveller import receipt_subject
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.opening import open_claims, open_portrait, open_template, open_vouched
from broker.flows.ports import Entry, JournalledUse, KeyStore, Work
from broker.flows.request_review import read_answer, read_asked
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """`document` holds plain values alone; `leaf` is the journal's entry about it."""

    document: dict[str, Any]
    leaf: bytes


def export_data(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    wanted: Wanted,
    issuer: str,
    at: datetime,
    entropy: Entropy,
) -> Exported | Denied:
    """Everything the broker holds about the person. Denied, and journalled, where the law of the place in which the
    data reside does not let them go now. Raises UnknownTraveller.
    """
    # (1) whose, and what is sealed about them
    known = work.travellers.lock(traveller)
    key = keys.key(traveller)
    sealed = work.travellers.claims(traveller)
    claims = None if sealed is None else open_claims(work, sealed, traveller=traveller, key=key)
    template = work.templates.find(traveller) if wanted.template else None
    portrait = work.travellers.portrait(traveller) if wanted.portrait else None
    # (2) the decision: to the person, who is where their data are
    categories = {*EVERY_CLAIM, "travel_track"}
    categories |= {"face_template"} if template is not None else set()
    categories |= {"portrait"} if portrait is not None else set()
    departure = decide_transfer(
        work,
        keys=keys,
        rules=rulebook.transfers,
        traveller=traveller,
        subject=subject_of(known.jurisdiction, claims, at=at),
        outgoing=Outgoing(SELF, known.jurisdiction, tuple(sorted(categories)), rulebook.rights.export, purpose=EXPORT),
        at=at,
    )
    leaf = _journal(work, departure, traveller, key, wanted, at=at, entropy=entropy)
    if departure.refusal is not None:
        return Denied(departure.refusal or Reason.TRANSFER_DENIED, "not under the law the data reside under")
    # (3) the document
    vouched = work.travellers.vouched(traveller)
    uses, cut = _uses(work, traveller, key, rulebook.rights.export.most_entries)
    document = {
        "format": FORMAT,
        "issuer": issuer,
        "made_at": at,
        "export_entry": leaf,
        "subject": receipt_subject(key),
        "jurisdiction": known.jurisdiction,
        "since": known.linked_at,
        "identities": [
            {
                "provider": link.provider,
                "acr": link.acr,
                "linked_at": link.linked_at,
                "last_login_at": link.last_login_at,
                "withdrawn_at": link.withdrawn_at,
            }
            for link in work.identities.of(traveller)
        ],
        "claims": None if claims is None else claims.leave(departure).model_dump(mode="json"),
        "vouched": None
        if vouched is None
        else open_vouched(work, vouched, traveller=traveller, key=key).leave(departure).model_dump(mode="json"),
        "consents": [_consent(record, receipt) for record, receipt in work.consents.of(traveller)],
        "uses": uses,
        "uses_cut": cut,
        "decisions": [_decision(use) for use in uses if "transfer" in use["clear"]],
        "passes": [_pass(issued) for issued in work.rights.passes_of(traveller)],
        "grants": [_grant(grant) for grant in work.rights.grants_of(traveller)],
        "requests": [_request(work, request, keys) for request in work.rights.requests_of(traveller)],
        "face_template": None
        if template is None
        else b64encode(open_template(work, template, key=key).leave(departure).encode()).decode(),
        "portrait": None
        if portrait is None
        else b64encode(open_portrait(work, portrait, traveller=traveller, key=key).leave(departure)).decode(),
        "grounds": rulebook.rights.cites("portability"),
    }
    return Exported(plain(document), leaf)


def _journal(
    work: Work, departure: Departure, traveller: UUID, key: bytes, wanted: Wanted, *, at: datetime, entropy: Entropy
) -> bytes:
    kind = "traveller:data:exported" if departure.refusal is None else "traveller:data:refused"
    clear = {"recipient": SELF} | ({"reason": departure.refusal.value} if departure.refusal else {})
    personal = {"at": at.isoformat(), "template": wanted.template, "portrait": wanted.portrait, "why": wanted.reason}
    return work.journal.append(Entry(kind, clear, personal, traveller, key, departure), at=at, entropy=entropy)


def _uses(work: Work, traveller: UUID, key: bytes, most: int) -> tuple[list[dict[str, Any]], bool]:
    """The newest entries, at most `most`, and whether there are more."""
    found: list[JournalledUse] = []
    while len(found) < most:
        after = found[-1].leaf_hash if found else None
        batch = work.rights.entries(traveller, key=key, limit=min(_BATCH, most - len(found)), after=after)
        if not batch:
            return _plain_uses(found), False
        found.extend(batch)
    more = work.rights.entries(traveller, key=key, limit=1, after=found[-1].leaf_hash)
    return _plain_uses(found), bool(more)


def _plain_uses(found: Iterable[JournalledUse]) -> list[dict[str, Any]]:
    return [
        {"entry": use.leaf_hash, "at": use.at, "kind": use.kind, "clear": use.clear, "personal": use.personal}
        for use in found
    ]


def _decision(use: dict[str, Any]) -> dict[str, Any]:
    stated = {name: use["clear"][name] for name in (*STATED, "why") if name in use["clear"]}
    return {"entry": use["entry"], "at": use["at"], **stated}


def _consent(record: ConsentRecord, receipt: str) -> dict[str, Any]:
    return {
        "consent_id": record.consent_id,
        "purpose": record.purpose,
        "recipient": record.recipient,
        "controller": record.controller,
        "categories": record.categories,
        "legal_basis": record.legal_basis,
        "given_at": record.given_at,
        "valid_until": record.valid_until,
        "status": record.status,
        "settled_at": record.settled_at,
        "version": record.version,
        "receipt": receipt,
    }


def _pass(issued: IssuedPass) -> dict[str, Any]:
    return {
        "zone": issued.zone,
        "pass_id": issued.pass_id,
        "mode": issued.mode.name.lower(),
        "issued_at": issued.issued_at,
        "expires_at": issued.expires_at,
        "revoked_at": issued.revoked_at,
        "spent": issued.spent,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    told = ("grant_id", "client_id", "scopes", "created_at", "expires_at", "revoked_at")
    return {name: getattr(grant, name) for name in told} | {"releases": details_of(grant.releases)}


def _request(work: Work, request: RightsRequest, keys: KeyStore) -> dict[str, Any]:
    answer = read_answer(work, request, keys=keys)
    return {
        "kind": request.kind,
        "entry": request.leaf or None,
        "asked_at": request.asked_at,
        "due_on": request.due_on.isoformat(),
        "asked": read_asked(work, request, keys=keys, use=OwnUse.SHOWN),
        "state": request.state,
        "settled_at": request.settled_at,
        "answer": None if answer is None else {"reason": answer.reason, "remedy": answer.remedy},
    }
