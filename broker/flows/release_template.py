"""A gate asks for the face template behind a pass it was shown. Every check is made again, then it is
sealed to that gate.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.core.consent_grant import ConsentGrant, ReleaseStatement
from broker.core.denial import Denied
from broker.core.departure import Departure, Kept
from broker.core.gate import Gate
from broker.core.purpose import E_CHANNEL
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.core.travel import RESERVATION, IssuedPass, payload_of
from broker.flows.covering import still_covered
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.gate_request import authenticate, may_speak
from broker.flows.issue_consent_grant import Granting, issue_consent_grant
from broker.flows.opening import open_claims, open_template, open_vouched
from broker.flows.ports import Entry, KeyStore, Shown, Work
from broker.wire import device_proof, hpke, travel_pass
from broker.wire.errors import VerifyError, WireError
from broker.wire.gate_api import ReleaseRequest
from broker.wire.keys import Entropy
from broker.wire.qr_payload import parse_qr
from broker.wire.reasons import Reason
from broker.wire.sealed_template import FaceTemplate, TemplatePayload, check_commitment
from broker.wire.trust_list import TrustList


@dataclass(frozen=True, slots=True)
class Released:
    """HPKE ciphertext of a TemplatePayload for one gate, which holds the pass until `reserved_until`."""

    ciphertext: bytes
    reserved_until: datetime
    consent_grant: str | None = None
    """What the release rests on at the identity provider, signed (JWS)."""


def release_template(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    trust_list: TrustList,
    request: bytes,
    at: datetime,
    entropy: Entropy,
    granting: Granting | None = None,
) -> Released | Denied:
    """Answer a signed ReleaseRequest, once per pass and counter. The checks run in lock order: consents, then the pass.

    Denied: a lane reason, journalled. Raises GateNotAuthenticated (not journalled: anyone can send such bytes).
    """
    # (1) the gate: its key, its signature, its time
    gate, message = authenticate(work, request, ReleaseRequest, at=at)
    issued: IssuedPass | None = None
    departure: Departure | None = None
    try:
        _check_gate(gate, message)
        # (2) the code, as if no gate had looked at it: signature, expiry, zone, proof
        qr = parse_qr(message.qr)
        shown = travel_pass.verify(qr.pass_bytes, trust_list, at=at, expected_zone=gate.zone)
        device_proof.verify(qr, shown, at=at)
        # (3) our own record of that pass, locked like the consents it rests on: a withdrawal that committed first won
        found = _find(work, shown)
        issued = found.issued
        # (4) the consents
        _check_consents(rulebook, found, at=at)
        # (5) the pass: neither revoked nor spent, and at no other gate just now
        _check_free(gate, issued, at=at)
        # (6) the template it committed to
        payload = _open(work, keys, found, shown.claims.commitment)
        # (7) sealed to this gate's one-use key and this very request
        sealed = payload.derive(lambda face: hpke.seal(face.encode(), message.hpke_public, message.info(request)))
        # (8) one answer per pass and counter, and the pass reserved; the last check, so that a refusal uses nothing up
        until = at + RESERVATION
        if not work.releasing.enter(issued, qr.counter, gate_id=gate.gate_id, until=until, at=at):
            raise VerifyError(Reason.ALREADY_RELEASED, "this code was answered before")
        # (9) what the law of the place where the data reside says; the ledger's locks come last
        departure = _decide(work, keys, rulebook, gate, found, at=at)
        if departure.refusal is not None:
            raise VerifyError(departure.refusal, "the law of the place where the data reside does not let it go now")
    except WireError as refusal:
        _journal(work, keys, gate, issued, departure=departure, refused=refusal.reason, at=at, entropy=entropy)
        return Denied(refusal.reason, refusal.detail)

    # (10) stated and journalled in the same transaction
    grant = _grant(work, keys, granting, found, departure, at=at, entropy=entropy)
    _journal(work, keys, gate, issued, departure=departure, refused=None, at=at, entropy=entropy, grant=grant)
    return Released(sealed.leave(departure), until, None if grant is None else grant.jws)


def _check_gate(gate: Gate, message: ReleaseRequest) -> None:
    if may_speak(gate, gate_id=message.gate_id, zone=message.zone) is not None:
        raise VerifyError(Reason.WRONG_ZONE, "a gate asks for itself and its own zone")


def _find(work: Work, shown: travel_pass.TravelPass) -> Shown:
    found = work.releasing.open(shown.claims.zone, shown.claims.pass_id)
    if found is None or hashlib.sha256(found.issued.pass_bytes).digest() != shown.hash:
        raise VerifyError(Reason.RELEASE_REFUSED, "no such pass was minted here, or it is long over")
    return found


def _check_consents(rulebook: Rulebook, found: Shown, *, at: datetime) -> None:
    issued = found.issued
    if issued.traveller is None:
        raise VerifyError(Reason.REVOKED, "the traveller was erased")
    uses = rulebook.uses_of_pass(issued.traveller, issued.zone, issued.mode)
    denied = still_covered(found.consents, issued.consents, uses, at=at)
    if denied is not None:
        raise VerifyError(Reason(denied.reason), denied.detail)


def _check_free(gate: Gate, issued: IssuedPass, *, at: datetime) -> None:
    if issued.revoked_at is not None:
        raise VerifyError(Reason.REVOKED, "revoked before it was shown")
    if issued.spent:
        raise VerifyError(Reason.ALREADY_SPENT, "an exit was opened on this pass")
    if issued.reserved_for_other(gate.gate_id, at=at):
        raise VerifyError(Reason.ALREADY_RESERVED, "another lane holds this pass")


def _decide(work: Work, keys: KeyStore, rulebook: Rulebook, gate: Gate, found: Shown, *, at: datetime) -> Departure:
    traveller, origin = found.issued.traveller, found.origin
    if traveller is None or origin is None:
        raise VerifyError(Reason.REVOKED, "the traveller was erased")
    purpose, recipient = rulebook.resolve(E_CHANNEL, gate.zone)
    outgoing = Outgoing(
        recipient.recipient_id,
        rulebook.zone(gate.zone).jurisdiction,
        tuple(sorted(purpose.categories)),
        purpose.terms,
        purpose=E_CHANNEL,
    )
    key = keys.key(traveller)
    claims = None if found.claims is None else open_claims(work, found.claims, traveller=traveller, key=key)
    subject = subject_of(origin, claims, at=at)
    return decide_transfer(
        work, keys=keys, rules=rulebook.transfers, traveller=traveller, subject=subject, outgoing=outgoing, at=at
    )


def _grant(
    work: Work,
    keys: KeyStore,
    granting: Granting | None,
    found: Shown,
    departure: Departure,
    *,
    at: datetime,
    entropy: Entropy,
) -> ConsentGrant | None:
    """None where nobody vouched: people who last logged in before that was kept."""
    if granting is None or found.vouched is None or found.issued.traveller is None:
        return None
    traveller, key = found.issued.traveller, keys.key(found.issued.traveller)
    what = frozenset[str]().union(*(record.categories for record in found.consents if record.purpose == E_CHANNEL))
    statement = ReleaseStatement(E_CHANNEL, found.issued.zone, what, found.issued.consents)
    vouched = open_vouched(work, found.vouched, traveller=traveller, key=key).leave(departure)
    return issue_consent_grant(granting, vouched, key=key, release=statement, verification=None, at=at, entropy=entropy)


def _open(work: Work, keys: KeyStore, found: Shown, committed: bytes) -> Kept[TemplatePayload]:
    issued, kept = found.issued, found.template
    if issued.traveller is None or kept is None or kept.template_id != issued.template_id:
        raise VerifyError(Reason.TEMPLATE_UNAVAILABLE, "the enrolment this pass was made from is gone")
    key, seeds = keys.key(issued.traveller), keys.seeds(issued.traveller)

    def payload(template: FaceTemplate) -> TemplatePayload:
        made = payload_of(issued.mode, template, seeds=seeds, traveller_key=key, pass_id=issued.pass_id)
        check_commitment(made, committed)
        return made

    return open_template(work, kept, key=key).derive(payload)


def _journal(
    work: Work,
    keys: KeyStore,
    gate: Gate,
    issued: IssuedPass | None,
    *,
    departure: Departure | None,
    refused: Reason | None,
    at: datetime,
    entropy: Entropy,
    grant: ConsentGrant | None = None,
) -> None:
    clear: dict[str, Any] = {"zone": gate.zone, "gate": gate.gate_id}
    kind = "gate:template:released" if refused is None else "gate:template:refused"
    if refused is not None:
        clear["reasons"] = [refused.value]
    if issued is None or issued.traveller is None:
        entry = Entry(kind, clear, departure=departure)
    else:
        personal = {"pass": issued.pass_id.hex()}
        if grant is not None:
            personal["consent_grant"] = grant.sha256.hex()
        entry = Entry(kind, clear, personal, issued.traveller, keys.key(issued.traveller), departure)
    work.journal.append(entry, at=at, entropy=entropy)
