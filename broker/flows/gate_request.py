"""Who is asking: the gate behind a signed request, and whether it may speak for the zone it names."""

from datetime import datetime
from typing import TypeVar

from broker.core.denial import Denied, GateNotAuthenticated
from broker.core.gate import Gate
from broker.flows.ports import Work
from broker.wire.errors import VerifyError, WireError
from broker.wire.gate_api import CrossingReport, EpochSecretsRequest, ReleaseRequest, verify_request
from broker.wire.keys import PublicKey
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse

Message = TypeVar("Message", ReleaseRequest, EpochSecretsRequest, CrossingReport)


def authenticate(work: Work, raw: bytes, kind: type[Message], *, at: datetime) -> tuple[Gate, Message]:
    """The gate whose enrolled key signed `raw`, and the message. Raises GateNotAuthenticated for anything else."""
    signed_by: list[Gate] = []

    def key_of(kid: bytes) -> PublicKey:
        gate = work.gates.by_kid(kid)
        if gate is None or gate.retired_at is not None:
            raise VerifyError(Reason.UNKNOWN_KEY, "no gate in service has that key")
        signed_by.append(gate)
        return PublicKey.from_cose_key(gate.public_key, KeyUse.GATE)

    try:
        message = verify_request(raw, key_of, at=at)
    except WireError as error:
        raise GateNotAuthenticated(error.reason, error.detail) from error
    if not isinstance(message, kind):
        raise GateNotAuthenticated(Reason.MALFORMED_CLAIMS, "another kind of request")
    return signed_by[0], message


def may_speak(gate: Gate, *, gate_id: str, zone: str) -> Denied | None:
    """None when the gate names itself and its own zone."""
    if gate_id != gate.gate_id or zone != gate.zone:
        return Denied(Reason.WRONG_ZONE, "a gate speaks for itself and its own zone")
    return None
