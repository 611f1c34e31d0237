"""The desks of the busy flows in memory: what they lock, read and enter in one step, over the other fakes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from broker.core.consent import Use
from broker.core.denial import UnknownTraveller
from broker.core.travel import IssuedPass
from broker.flows.ports import (
    ClaimQuestion,
    Entry,
    OnClaim,
    OnDesk,
    Shown,
)
from broker.wire.keys import Entropy

if TYPE_CHECKING:
    from tests.ports.fakes import FakeWork


@dataclass
class FakeMintingDesk:
    work: "FakeWork"

    def open(
        self, traveller: UUID, uses: Sequence[Use], device_keys: Sequence[bytes], *, epoch: tuple[str, int] | None
    ) -> OnDesk:
        work = self.work
        work.travellers.lock(traveller)
        theirs = {p.device_key: p for p in work.passes.all() if p.traveller == traveller}
        return OnDesk(
            work.consents.lock_standing(traveller, uses),
            work.templates.find(traveller),
            {key: theirs[key] for key in device_keys if key in theirs},
            None,
            work.travellers.find(traveller).jurisdiction,
            work.travellers.claims(traveller),
            False,
            work.travellers.vouched(traveller),
        )

    def enter(self, passes: Sequence[IssuedPass]) -> Sequence[IssuedPass]:
        entries = self.work.status.entries
        fresh = [issued for issued in passes if issued.status_index not in entries]
        entries.update({issued.status_index: None for issued in fresh})
        self.work.passes.add(fresh)
        return fresh


@dataclass
class FakeReleaseDesk:
    work: "FakeWork"

    def open(self, zone: str, pass_id: bytes) -> Shown | None:
        issued = self.work.passes.find(zone, pass_id)
        if issued is None:
            return None
        template = self.work.templates.find(issued.traveller) if issued.traveller is not None else None
        held = [record for record, _ in self.work.consents.records.values() if record.consent_id in issued.consents]
        if issued.traveller is None:
            return Shown(issued, held, template, None, None, None)
        travellers = self.work.travellers
        origin = travellers.find(issued.traveller).jurisdiction
        person = issued.traveller
        return Shown(issued, held, template, origin, travellers.claims(person), travellers.vouched(person))

    def enter(self, issued: IssuedPass, counter: int, *, gate_id: str, until: datetime, at: datetime) -> bool:
        key, passes = (issued.zone, issued.pass_id), self.work.passes
        if (*key, counter) in passes.answers:
            return False
        passes.answers.add((*key, counter))
        passes.passes[key] = replace(passes.passes[key], reserved_by=gate_id, reserved_until=until)
        return True


@dataclass
class FakeClaimsDesk:
    work: "FakeWork"

    def open(self, questions: Sequence[ClaimQuestion], at: datetime, *, wait: bool) -> list[OnClaim | None]:
        return [self._open(asked.traveller, asked.partner_id, asked.purposes, at) for asked in questions]

    def enter(
        self, consents: Sequence[UUID], entries: Sequence[Entry], *, at: datetime, entropy: Entropy
    ) -> Sequence[bytes]:
        for consent in consents:
            self.work.consents.count_use(consent, at)
        return self.work.journal.append_all(entries, at=at, entropy=entropy)

    def _open(self, traveller: UUID, partner_id: str, purposes: Sequence[str], at: datetime) -> OnClaim:
        work = self.work
        recipient = work.partners.recipient(partner_id)
        everything = frozenset({"any"})
        uses = [Use(traveller, purpose, partner_id, partner_id, everything) for purpose in purposes]
        consents = work.consents.lock_and_count(traveller, uses, at)
        try:
            origin = work.travellers.find(traveller).jurisdiction
        except UnknownTraveller:
            return OnClaim(recipient, consents, None, None, None)
        travellers = work.travellers
        return OnClaim(recipient, consents, origin, travellers.claims(traveller), travellers.vouched(traveller))
