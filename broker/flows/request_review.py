"""A person objects to an automated decision, or says that something about them is wrong; a person answers
(PIPL 24, 46; GDPR 16, 22).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from broker.core.correction import released_from
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.departure import OwnUse
from broker.core.governance.calendar import shanghai_date
from broker.core.rights import RightsRules
from broker.core.rights_request import (
    MAX_WORDS,
    Answer,
    Remedy,
    RequestKind,
    RequestState,
    RightsRequest,
    context_of,
    is_declined,
)
from broker.core.rulebook import Rulebook
from broker.core.sealing import SALT_BYTES, seal
from broker.flows.opening import open_words
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.tell_correction import tell_correction
from broker.wire.keys import Entropy

CORRECTABLE = ("family_name", "given_name", "native_name", "birth_date", "document_number", "document_expires")
"""What an authority says about a person, and a person may say is wrong."""


def request_review(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    leaf: bytes,
    words: str,
    at: datetime,
    entropy: Entropy,
) -> RightsRequest | Denied:
    """Ask for a person to look at a decision against this traveller. One open request for one decision. Raises
    UnknownTraveller, InvalidInput.
    """
    key = keys.key(work.travellers.lock(traveller).traveller_id)
    found = work.rights.entry(traveller, leaf, key=key)
    if found is None or not is_declined(found[0].kind, found[0].clear):
        return Denied(Refusal.REQUEST_UNKNOWN, "no decision against this traveller")
    said = {"words": _checked(words)}
    return _ask(work, rulebook, traveller, key, RequestKind.REVIEW, leaf, said, found[0].kind, at=at, entropy=entropy)


def request_correction(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    claim: str,
    words: str,
    at: datetime,
    entropy: Entropy,
) -> RightsRequest | Denied:
    """Say that a claim is wrong. One open request a person. Raises UnknownTraveller, InvalidInput."""
    key = keys.key(work.travellers.lock(traveller).traveller_id)
    if claim not in CORRECTABLE:
        raise InvalidInput("unknown_claim", "the form names nothing that an authority says")
    said = {"claim": claim, "words": _checked(words)}
    return _ask(work, rulebook, traveller, key, RequestKind.CORRECTION, b"", said, claim, at=at, entropy=entropy)


def settle_request(
    work: Work,
    *,
    keys: KeyStore,
    rules: RightsRules,
    staff_id: str,
    request_id: UUID,
    answer: Answer,
    at: datetime,
    entropy: Entropy,
) -> RightsRequest | Denied:
    """A reviewer answers, once. Nothing is released by it. Raises InvalidInput for an answer without reason, or a
    remedy that does not fit.
    """
    known = work.rights.request(request_id)
    if known is None or known.state is not RequestState.OPEN:
        return Denied(Refusal.REQUEST_UNKNOWN, "no such request waits")
    if not answer.fits(known.kind):
        raise InvalidInput("answer", "an answer has a reason, and a remedy exactly when the person was right")
    work.travellers.lock(known.traveller)
    request = work.rights.request(request_id, lock=True)
    if request is None or request.state is not RequestState.OPEN:
        return Denied(Refusal.REQUEST_UNKNOWN, "somebody else was faster")
    key = keys.key(request.traveller)
    said = {"reason": answer.reason, "remedy": answer.remedy}
    state = RequestState.UPHELD if answer.upheld else RequestState.REJECTED
    settled = replace(
        request,
        state=state,
        staff_id=staff_id,
        answered=_sealed(said, key, request_id, "answered", entropy),
        settled_at=at,
    )
    work.rights.settle_request(settled)
    clear = {"staff": staff_id, "outcome": state.value} | ({"remedy": answer.remedy.value} if answer.remedy else {})
    personal = {"request": str(request_id), "reason": answer.reason, "at": at.isoformat()}
    kind = f"reviewer:{request.kind}:settled"
    work.journal.append(Entry(kind, clear, personal, request.traveller, key), at=at, entropy=entropy)
    if answer.remedy is Remedy.CLAIMS_WITHHELD:
        # Only the authority can say something else: until it does, at the next login, nothing wrong leaves.
        work.rights.withhold_claims(request.traveller)
        tell_correction(
            work,
            key=key,
            rules=rules,
            traveller=request.traveller,
            claims=released_from([read_asked(work, request, keys=keys, use=OwnUse.REVIEWING)["claim"]]),
            status="withheld",
            at=at,
            entropy=entropy,
        )
    return settled


def read_asked(work: Work, request: RightsRequest, *, keys: KeyStore, use: OwnUse) -> dict[str, str]:
    """What the person said: `words`, and `claim` for a correction."""
    return dict(json.loads(_opened(work, request, request.asked, "asked", keys, use)))


def read_answer(work: Work, request: RightsRequest, *, keys: KeyStore) -> Answer | None:
    """What the reviewer said; None while the request is open."""
    if request.answered is None:
        return None
    said = json.loads(_opened(work, request, request.answered, "answered", keys, OwnUse.SHOWN))
    remedy = None if said["remedy"] is None else Remedy(said["remedy"])
    return Answer(request.state is RequestState.UPHELD, remedy, said["reason"])


def _ask(
    work: Work,
    rulebook: Rulebook,
    traveller: UUID,
    key: bytes,
    kind: RequestKind,
    leaf: bytes,
    said: dict[str, str],
    about: str,
    *,
    at: datetime,
    entropy: Entropy,
) -> RightsRequest | Denied:
    law = rulebook.transfers.policy.at(at)
    calendar = law.calendars.get(work.travellers.find(traveller).jurisdiction, law.calendar)
    request_id = UUID(bytes=entropy(16), version=4)
    request = RightsRequest(
        request_id,
        traveller,
        kind,
        leaf,
        _sealed(said, key, request_id, "asked", entropy),
        at,
        rulebook.rights.due(kind.value, shanghai_date(at), calendar),
    )
    if not work.rights.add_request(request):
        return Denied(Refusal.ALREADY_ASKED, "such a request is open")
    clear = {"due": request.due_on.isoformat(), "about": about}
    personal = {"request": str(request_id), "entry": leaf.hex(), "at": at.isoformat()}
    work.journal.append(Entry(f"traveller:{kind}:asked", clear, personal, traveller, key), at=at, entropy=entropy)
    return request


def _checked(words: str) -> str:
    said = words.strip()
    if not 0 < len(said) <= MAX_WORDS:
        raise InvalidInput("words", f"say it in 1 to {MAX_WORDS} characters")
    return said


def _sealed(said: Mapping[str, str | None], key: bytes, request_id: UUID, part: str, entropy: Entropy) -> bytes:
    return seal(json.dumps(said).encode(), key=key, context=context_of(request_id, part), salt=entropy(SALT_BYTES))


def _opened(work: Work, request: RightsRequest, sealed: bytes, part: str, keys: KeyStore, use: OwnUse) -> str:
    key, context = keys.key(request.traveller), context_of(request.request_id, part)
    return open_words(work, sealed, traveller=request.traveller, key=key, context=context).for_own_use(use)
