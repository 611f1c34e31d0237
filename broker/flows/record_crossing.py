"""What lanes decided arrives from their outboxes: kept once each, journalled, and the pass spent when an
exit opened.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.denial import Denied
from broker.core.gate import Gate
from broker.flows.gate_request import authenticate, may_speak
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.gate_api import CrossingEvent, CrossingReport
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class Recorded:
    """`accepted`: every event of the report, now or earlier kept. `conflicts`: new ones whose pass was spent before."""

    accepted: tuple[bytes, ...]
    conflicts: tuple[bytes, ...]


def record_crossing(work: Work, *, keys: KeyStore, report: bytes, at: datetime, entropy: Entropy) -> Recorded | Denied:
    """Keep a signed CrossingReport. Sending it again changes nothing. Raises GateNotAuthenticated."""
    gate, message = authenticate(work, report, CrossingReport, at=at)
    refusal = may_speak(gate, gate_id=message.gate_id, zone=message.zone)
    if refusal is not None:
        clear = {"zone": gate.zone, "gate": gate.gate_id, "reasons": [refusal.reason.value]}
        work.journal.append(Entry("gate:crossing:refused", clear), at=at, entropy=entropy)
        return refusal

    known = work.gates.known_events(gate, [event.event_id for event in message.events])
    fresh = {event.event_id: event for event in message.events if event.event_id not in known}
    # In the order of pass ids, so that two reports about the same passes cannot wait for each other.
    in_lock_order = sorted(fresh.values(), key=lambda event: event.pass_id or b"")
    conflicts = tuple(event.event_id for event in in_lock_order if _conflicts(work, gate, event, at=at))
    for event in fresh.values():
        work.gates.record_event(gate, event, conflict=event.event_id in conflicts, at=at)
    entries = [_entry(work, keys, gate, event, conflict=event.event_id in conflicts) for event in fresh.values()]
    work.journal.append_all(entries, at=at, entropy=entropy)
    return Recorded(tuple(event.event_id for event in message.events), conflicts)


def _conflicts(work: Work, gate: Gate, event: CrossingEvent, *, at: datetime) -> bool:
    """Spend the pass an exit was opened on; True when another event had spent it. The event is kept either way."""
    if not event.opened or event.pass_id is None:
        return False
    return not work.passes.spend(gate.zone, event.pass_id, gate_id=gate.gate_id, event_id=event.event_id, at=at)


def _entry(work: Work, keys: KeyStore, gate: Gate, event: CrossingEvent, *, conflict: bool) -> Entry:
    clear = {
        "zone": gate.zone,
        "gate": gate.gate_id,
        "decision": event.decision.value,
        "reasons": [reason.value for reason in event.reasons],
        "mode": event.mode.value,
        "liveness": event.liveness.value,
        "opened": event.opened,
        "models": dict(event.model_hashes),
    }
    kind = "gate:crossing:conflicted" if conflict else "gate:crossing:recorded"
    traveller = _traveller(work, gate, event)
    if traveller is None:
        return Entry(kind, clear)
    personal = {
        "pass": event.pass_id.hex() if event.pass_id else None,
        "decided_at": event.decided_at.isoformat(),
        "score": event.score,
        "threshold": event.threshold,
    }
    return Entry(kind, clear, personal, traveller, keys.key(traveller))


def _traveller(work: Work, gate: Gate, event: CrossingEvent) -> UUID | None:
    """Whose pass it was; None without a pass, for a pass of another zone, and after an erasure."""
    issued = work.passes.find(gate.zone, event.pass_id) if event.pass_id is not None else None
    return None if issued is None else issued.traveller
