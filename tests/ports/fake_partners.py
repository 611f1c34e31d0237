"""Partners and their notices in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from broker.core.approval import KEEP, OPEN, ApprovalRequest, ApprovalStatus
from broker.core.partner import Ceilings, Partner, PartnerStatus
from broker.core.purpose import Recipient
from broker.core.webhook import LEASE, EventState, PartnerEvent
from broker.core.zone import Controller
from broker.wire.keys import Entropy


@dataclass
class FakePartnerRegister:
    """Port `PartnerRegister`."""

    partners: dict[str, Partner] = field(default_factory=dict)
    guesses: dict[tuple[str, UUID], tuple[datetime, int]] = field(default_factory=dict)

    def recipient(self, partner_id: str) -> Recipient | None:
        partner = self.partners.get(partner_id)
        if partner is None or not partner.active:
            return None
        controller = Controller(partner_id, partner.kind.value, partner.contact, partner.names)
        return Recipient(partner_id, controller, partner.names, partner.jurisdiction)

    def find(self, partner_id: str) -> Partner | None:
        return self.partners.get(partner_id)

    lock = find

    def all(self) -> Sequence[Partner]:
        return [self.partners[name] for name in sorted(self.partners)]

    def add(self, partner: Partner) -> bool:
        return self.partners.setdefault(partner.partner_id, partner) is partner

    def set_status(self, partner_id: str, status: PartnerStatus, at: datetime) -> None:
        self._change(partner_id, status=status, status_at=at)

    def set_ceilings(self, partner_id: str, ceilings: Ceilings) -> None:
        self._change(partner_id, ceilings=ceilings)

    def set_keys(
        self, partner_id: str, *, jwks_uri: str | None, jwks: Mapping[str, Any] | None, at: datetime | None
    ) -> None:
        self._change(partner_id, jwks_uri=jwks_uri, jwks=jwks, jwks_at=at)

    def set_webhook(self, partner_id: str, url: str | None) -> None:
        self._change(partner_id, webhook_url=url)

    def lock_guesses(self, partner_id: str, traveller: UUID, *, at: datetime, window: timedelta) -> int:
        since, wrong = self.guesses.get((partner_id, traveller), (at, 0))
        if since + window <= at:
            since, wrong = at, 0
        self.guesses[partner_id, traveller] = since, wrong
        return wrong

    def add_guesses(self, partner_id: str, traveller: UUID, wrong: int, *, at: datetime) -> None:
        if wrong:
            self.guesses[partner_id, traveller] = at, self.guesses[partner_id, traveller][1] + wrong

    def _change(self, partner_id: str, **values: Any) -> None:
        self.partners[partner_id] = replace(self.partners[partner_id], **values)


@dataclass
class FakePartnerEvents:
    """Port `PartnerEvents`. Every partner takes notices, unless `deaf` names it."""

    events: dict[UUID, PartnerEvent] = field(default_factory=dict)
    due: dict[UUID, datetime] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)

    def enqueue(
        self,
        partner_id: str,
        event: str,
        body: Mapping[str, Any],
        *,
        about: UUID | None = None,
        at: datetime,
        entropy: Entropy,
    ) -> None:
        if partner_id not in self.deaf:
            made = PartnerEvent(UUID(bytes=entropy(16), version=4), partner_id, event, None, dict(body), at)
            self.events[made.event_id], self.due[made.event_id] = made, at

    def take_due(self, at: datetime, *, partners: int, each: int) -> Sequence[PartnerEvent]:
        waiting = [e for e in self.events.values() if e.state is EventState.WAITING and self.due[e.event_id] <= at]
        waiting.sort(key=lambda event: (self.due[event.event_id], event.attempts, event.created_at))
        chosen = list(dict.fromkeys(event.partner_id for event in waiting))[:partners]
        taken = [e for name in chosen for e in [w for w in waiting if w.partner_id == name][:each]]
        taken.sort(key=lambda event: (event.attempts, event.created_at))
        self.due.update({event.event_id: at + LEASE for event in taken})
        return taken

    def decided(self, event_id: UUID, *, subject: str | None) -> None:
        self.events[event_id] = replace(self.events[event_id], decided=True, subject=subject)

    def delivered(self, event_id: UUID, *, outcome: str, at: datetime) -> None:
        self._settle(event_id, state=EventState.DELIVERED, last_outcome=outcome)

    def failed(self, event_id: UUID, *, outcome: str, again_at: datetime) -> None:
        self._settle(event_id, last_outcome=outcome)
        self.due[event_id] = again_at

    def put_off(self, partner_id: str, until: datetime) -> None:
        for event in self.events.values():
            if event.partner_id == partner_id and event.state is EventState.WAITING:
                self.due[event.event_id] = max(self.due[event.event_id], until)

    def given_up(self, event_id: UUID, *, outcome: str, at: datetime) -> None:
        self._settle(event_id, state=EventState.DEAD, last_outcome=outcome)

    def revive(self, partner_id: str, at: datetime) -> int:
        dead = [e for e in self.events.values() if e.partner_id == partner_id and e.state is EventState.DEAD]
        for event in dead:
            self.events[event.event_id] = replace(event, state=EventState.WAITING, attempts=0)
            self.due[event.event_id] = at
        return len(dead)

    def of(self, partner_id: str | None, *, state: EventState | None, limit: int) -> Sequence[PartnerEvent]:
        found = [e for e in self.events.values() if partner_id in (None, e.partner_id) and state in (None, e.state)]
        return sorted(found, key=lambda event: event.created_at, reverse=True)[:limit]

    def drop_settled_before(self, moment: datetime) -> int:
        old = [e for e in self.events.values() if e.state is not EventState.WAITING and e.created_at < moment]
        for event in old:
            del self.events[event.event_id]
        return len(old)

    def _settle(self, event_id: UUID, **values: Any) -> None:
        event = self.events[event_id]
        self.events[event_id] = replace(event, attempts=event.attempts + 1, **values)


@dataclass
class FakeApprovalRegister:
    """Port `ApprovalRegister`."""

    requests: dict[UUID, ApprovalRequest] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[bytes, UUID, datetime]] = field(default_factory=dict)

    def reserve_key(
        self, client_id: str, key: str, *, fingerprint: bytes, request_id: UUID, until: datetime
    ) -> tuple[bytes, UUID] | None:
        known = self.keys.setdefault((client_id, key), (fingerprint, request_id, until))
        return None if known[1] == request_id else known[:2]

    def add(self, request: ApprovalRequest) -> None:
        self.requests[request.request_id] = request

    keep = add

    def find(self, request_id: UUID) -> ApprovalRequest | None:
        return self.requests.get(request_id)

    lock = find

    def by_state(self, state_hash: bytes) -> ApprovalRequest | None:
        return next((one for one in self.requests.values() if one.state_hash == state_hash), None)

    def forget(self, traveller: UUID) -> None:
        self.requests = {name: one for name, one in self.requests.items() if one.traveller != traveller}

    def sweep(self, at: datetime) -> int:
        changed = 0
        for name, one in list(self.requests.items()):
            swept = one
            if one.status in OPEN and one.expires_at <= at:
                swept = replace(one, status=ApprovalStatus.EXPIRED, settled_at=at, **_BARE)
            elif one.result is not None and not one.fetchable(at):
                swept = replace(one, **_BARE)
            if one.expires_at <= at - KEEP:
                del self.requests[name]
            elif swept != one:
                self.requests[name] = swept
            else:
                continue
            changed += 1
        late = [name for name, (_, _, until) in self.keys.items() if until <= at]
        for name in late:
            del self.keys[name]
        return changed + len(late)


_BARE: dict[str, Any] = {"memory": None, "state_hash": None, "result": None}
