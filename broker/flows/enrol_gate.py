"""Gates join with a one-time code that an operator reads out, and from then on sign with their own key."""

from dataclasses import dataclass
from datetime import datetime

from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.gate import CODE_BYTES, INVITATION_LIFETIME, Gate, Invitation, invitation_code, invitation_digest
from broker.core.rulebook import Rulebook
from broker.flows.ports import Entry, Work
from broker.wire.errors import DecodeError
from broker.wire.keys import Entropy, PublicKey
from broker.wire.registry import KeyUse


@dataclass(frozen=True, slots=True)
class Invited:
    """The code, shown once: only its digest is kept."""

    code: str
    gate_id: str
    expires_at: datetime


def invite_gate(work: Work, *, rulebook: Rulebook, zone: str, at: datetime, entropy: Entropy) -> Invited:
    """Make a code for one new gate of `zone`. Raises InvalidInput for an unknown zone."""
    rulebook.zone(zone)
    code = invitation_code(entropy(CODE_BYTES))
    gate_id = f"{zone}-{entropy(3).hex()}"
    expires_at = at + INVITATION_LIFETIME
    work.gates.invite(Invitation(invitation_digest(code), gate_id, zone, expires_at))
    work.journal.append(Entry("operator:gate:invited", {"zone": zone, "gate": gate_id}), at=at, entropy=entropy)
    return Invited(code, gate_id, expires_at)


def enrol_gate(work: Work, *, code: str, public_key: bytes, at: datetime, entropy: Entropy) -> Gate | Denied:
    """Enter the gate with its COSE_Key. The same code and key again (an answer was lost) returns the same gate.

    Denied: invitation_invalid for a code that is unknown, expired or used by another key. Raises InvalidInput.
    """
    try:
        key = PublicKey.from_cose_key(public_key, KeyUse.GATE)
    except DecodeError as error:
        raise InvalidInput("bad_gate_key", error.detail) from error
    invitation = work.gates.lock_invitation(invitation_digest(code))
    if invitation is None:
        return Denied(Refusal.INVITATION_INVALID, "no such code")
    if invitation.used_by is not None:
        gate = work.gates.by_id(invitation.gate_id)
        if gate is not None and gate.kid == key.kid and invitation.used_by == key.kid:
            return gate
        return Denied(Refusal.INVITATION_INVALID, "the code was used")
    if at >= invitation.expires_at:
        return Denied(Refusal.INVITATION_INVALID, "the code expired")
    if work.gates.by_kid(key.kid) is not None:
        raise InvalidInput("bad_gate_key", "another gate has that key")
    gate = Gate(invitation.gate_id, invitation.zone, key.kid, key.to_cose_key(), at)
    work.gates.enrol(gate, invitation)
    clear = {"zone": gate.zone, "gate": gate.gate_id, "kid": gate.kid.hex()}
    work.journal.append(Entry("gate:key:enrolled", clear), at=at, entropy=entropy)
    return gate


def retire_gate(work: Work, *, gate_id: str, at: datetime, entropy: Entropy) -> Gate:
    """Refuse everything from that gate from now on. Raises InvalidInput for an unknown one."""
    gate = work.gates.by_id(gate_id)
    if gate is None:
        raise InvalidInput("unknown_gate", "no gate has that name")
    work.gates.retire(gate_id, at)
    work.journal.append(Entry("operator:gate:retired", {"zone": gate.zone, "gate": gate_id}), at=at, entropy=entropy)
    return gate
