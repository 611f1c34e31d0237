"""The port of people's rights in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.rights_request import RightsRequest
from broker.core.travel import IssuedPass
from broker.flows.ports import JournalledUse
from broker.flows.ports.rights import KeptCertificate

if TYPE_CHECKING:
    from tests.ports.fakes import FakeWork


@dataclass
class FakeRightsDesk:
    work: "FakeWork" = field(repr=False)
    certificates: dict[bytes, KeptCertificate] = field(default_factory=dict)
    requests: dict[UUID, RightsRequest] = field(default_factory=dict)

    def keep_certificate(self, kept: KeptCertificate) -> None:
        self.certificates[kept.token_digest] = kept

    def certificate(self, token_digest: bytes) -> KeptCertificate | None:
        kept = self.certificates.get(token_digest)
        return kept and replace(kept, key_destroyed_at=self.work.travellers.erased[kept.traveller])

    def certificate_fetched(self, token_digest: bytes, at: datetime) -> None:
        kept = self.certificates[token_digest]
        self.certificates[token_digest] = replace(kept, fetched_at=kept.fetched_at or at)

    def passes_of(self, traveller: UUID) -> Sequence[IssuedPass]:
        theirs = [issued for issued in self.work.passes.all() if issued.traveller == traveller]
        return sorted(theirs, key=lambda issued: (-issued.issued_at.timestamp(), issued.pass_id))

    def grants_of(self, traveller: UUID) -> Sequence[Grant]:
        return [grant for grant in self.work.logins.grants.values() if grant.traveller_id == traveller]

    def entries(self, traveller: UUID, *, key: bytes, limit: int, after: bytes | None) -> Sequence[JournalledUse]:
        every = self.work.journal.of_traveller(traveller, key=key, limit=10**6, before=None)
        places = [use.leaf_hash for use in every]
        start = 0 if after is None else places.index(after) + 1 if after in places else len(places)
        return every[start : start + limit]

    def entry(self, traveller: UUID, leaf: bytes, *, key: bytes) -> tuple[JournalledUse, bytes] | None:
        for owner, found, at, made in self.work.journal.leaves:
            if (owner, found) == (traveller, leaf):
                return JournalledUse(leaf, made.kind, at, made.clear, made.open(key)), made.encode()
        return None

    def add_request(self, request: RightsRequest) -> bool:
        clash = [(one.traveller, one.kind, one.leaf) for one in self.requests.values() if one.state == "open"]
        if (request.traveller, request.kind, request.leaf) in clash:
            return False
        self.requests[request.request_id] = request
        return True

    def request(self, request_id: UUID, *, lock: bool = False) -> RightsRequest | None:
        return self.requests.get(request_id)

    def requests_of(self, traveller: UUID) -> Sequence[RightsRequest]:
        theirs = [one for one in self.requests.values() if one.traveller == traveller]
        return sorted(theirs, key=lambda one: (-one.asked_at.timestamp(), one.request_id))

    def open_requests(self, *, limit: int) -> Sequence[RightsRequest]:
        waiting = [one for one in self.requests.values() if one.state == "open"]
        return sorted(waiting, key=lambda one: (one.due_on, one.request_id))[:limit]

    def settle_request(self, request: RightsRequest) -> None:
        self.requests[request.request_id] = request

    def withhold_claims(self, traveller: UUID) -> None:
        self.work.travellers.kept.pop(traveller, None)

    def forget(self, traveller: UUID) -> None:
        self.requests = {key: one for key, one in self.requests.items() if one.traveller != traveller}


class FakeGuardianRegister:
    """Nobody has a guardian: what guardians do is tested over the database alone."""

    def stands(self, ward: UUID, purpose: str, recipient: str, at: datetime) -> bool:
        return False
