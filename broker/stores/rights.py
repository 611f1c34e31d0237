"""What people's rights need, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, exists, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once

from broker.core.authorization import Grant
from broker.core.rights_request import RequestKind, RequestState, RightsRequest
from broker.core.travel import IssuedPass
from broker.flows.ports import JournalledUse
from broker.flows.ports.rights import KeptCertificate
from broker.stores.journal import Journal
from broker.stores.oidc_rows import grant_of
from broker.stores.oidc_tables import grants
from broker.stores.pass_register import issued_pass
from broker.stores.rights_tables import (
    ERASURE_CERTIFICATES,
    GUARDIAN_CONSENTS,
    GUARDIANSHIPS,
    PERSON_NOTICES,
    RIGHTS_REQUESTS,
)
from broker.stores.tables import PASS_SPENDS, PASSES, PROFILES, STATUS_ENTRIES, TRAVELLER_ENTRIES, TRAVELLERS
from broker.stores.unit_of_work import UnitOfWork


class SqlRightsDesk:
    """Port `RightsDesk`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._session = uow.session

    def keep_certificate(self, kept: KeptCertificate) -> None:
        self._session.execute(
            insert(ERASURE_CERTIFICATES).values(
                token_digest=kept.token_digest,
                traveller_id=kept.traveller,
                sealed=kept.sealed,
                leaf=kept.leaf,
                complete_at=kept.complete_at,
                forget_at=kept.forget_at,
            )
        )

    def certificate(self, token_digest: bytes) -> KeptCertificate | None:
        table = ERASURE_CERTIFICATES
        query = select(table, TRAVELLERS.c.key_destroyed_at).join_from(
            table, TRAVELLERS, TRAVELLERS.c.traveller_id == table.c.traveller_id
        )
        row = self._session.execute(
            query.where(table.c.token_digest == token_digest).with_for_update(of=table)
        ).one_or_none()
        if row is None:
            return None
        return KeptCertificate(
            token_digest=bytes(row.token_digest),
            traveller=row.traveller_id,
            sealed=bytes(row.sealed),
            leaf=bytes(row.leaf),
            complete_at=row.complete_at,
            forget_at=row.forget_at,
            fetched_at=row.fetched_at,
            key_destroyed_at=row.key_destroyed_at,
        )

    def certificate_fetched(self, token_digest: bytes, at: datetime) -> None:
        table = ERASURE_CERTIFICATES
        first = update(table).where(table.c.token_digest == token_digest, table.c.fetched_at.is_(None))
        self._session.execute(first.values(fetched_at=at))

    def passes_of(self, traveller: UUID) -> Sequence[IssuedPass]:
        spent = exists().where(PASS_SPENDS.c.zone == PASSES.c.zone, PASS_SPENDS.c.pass_id == PASSES.c.pass_id)
        query: Select[Any] = select(PASSES, STATUS_ENTRIES.c.revoked_at, spent.label("spent")).join_from(
            PASSES, STATUS_ENTRIES, PASSES.c.status_index == STATUS_ENTRIES.c.status_index
        )
        newest = query.where(PASSES.c.traveller_id == traveller).order_by(PASSES.c.issued_at.desc(), PASSES.c.pass_id)
        return [issued_pass(row) for row in self._session.execute(newest)]

    def grants_of(self, traveller: UUID) -> Sequence[Grant]:
        query = select(grants).where(grants.c.traveller_id == traveller)
        rows = self._session.execute(query.order_by(grants.c.created_at.desc())).mappings()
        return [grant_of(dict(row)) for row in rows]

    def entries(self, traveller: UUID, *, key: bytes, limit: int, after: bytes | None) -> Sequence[JournalledUse]:
        table = TRAVELLER_ENTRIES
        query = select(table.c.leaf_hash, table.c.at).where(table.c.traveller_id == traveller)
        if after is not None:
            place = select(table.c.id).where(table.c.traveller_id == traveller, table.c.leaf_hash == after)
            query = query.where(table.c.id < place.scalar_subquery())
        rows = self._session.execute(query.order_by(table.c.id.desc()).limit(limit)).all()
        found = Journal().read(self._uow, [bytes(row.leaf_hash) for row in rows])
        uses = []
        for row in rows:
            leaf = bytes(row.leaf_hash)
            entry = found[leaf]
            uses.append(JournalledUse(leaf, entry.kind, row.at, entry.clear, entry.open(key)))
        return uses

    def entry(self, traveller: UUID, leaf: bytes, *, key: bytes) -> tuple[JournalledUse, bytes] | None:
        table = TRAVELLER_ENTRIES
        theirs = select(table.c.at).where(table.c.traveller_id == traveller, table.c.leaf_hash == leaf)
        at = self._session.execute(theirs).scalars().first()
        if at is None:
            return None
        entry = Journal().read(self._uow, [leaf])[leaf]
        return JournalledUse(leaf, entry.kind, at, entry.clear, entry.open(key)), entry.encode()

    def add_request(self, request: RightsRequest) -> bool:
        values = {**asdict(request), "traveller_id": request.traveller, "kind": request.kind.value}
        del values["traveller"]
        once = insert_once(RIGHTS_REQUESTS).values(**{**values, "state": request.state.value}).on_conflict_do_nothing()
        return self._session.execute(once.returning(RIGHTS_REQUESTS.c.request_id)).first() is not None

    def request(self, request_id: UUID, *, lock: bool = False) -> RightsRequest | None:
        query = select(RIGHTS_REQUESTS).where(RIGHTS_REQUESTS.c.request_id == request_id)
        row = self._session.execute(query.with_for_update() if lock else query).one_or_none()
        return None if row is None else _request(row)

    def requests_of(self, traveller: UUID) -> Sequence[RightsRequest]:
        query = select(RIGHTS_REQUESTS).where(RIGHTS_REQUESTS.c.traveller_id == traveller)
        rows = self._session.execute(query.order_by(RIGHTS_REQUESTS.c.asked_at.desc(), RIGHTS_REQUESTS.c.request_id))
        return [_request(row) for row in rows]

    def open_requests(self, *, limit: int) -> Sequence[RightsRequest]:
        query = select(RIGHTS_REQUESTS).where(RIGHTS_REQUESTS.c.state == RequestState.OPEN.value)
        rows = self._session.execute(
            query.order_by(RIGHTS_REQUESTS.c.due_on, RIGHTS_REQUESTS.c.request_id).limit(limit)
        )
        return [_request(row) for row in rows]

    def settle_request(self, request: RightsRequest) -> None:
        change = update(RIGHTS_REQUESTS).where(RIGHTS_REQUESTS.c.request_id == request.request_id)
        self._session.execute(
            change.values(
                state=request.state.value,
                staff_id=request.staff_id,
                answered=request.answered,
                settled_at=request.settled_at,
            )
        )

    def withhold_claims(self, traveller: UUID) -> None:
        theirs = update(PROFILES).where(PROFILES.c.traveller_id == traveller)
        self._session.execute(theirs.values(claims=None, vouched=None, evidence=None))

    def forget(self, traveller: UUID) -> None:
        for table in (RIGHTS_REQUESTS, PERSON_NOTICES):
            self._session.execute(delete(table).where(table.c.traveller_id == traveller))
        self._session.execute(delete(GUARDIAN_CONSENTS).where(_of_either(traveller)))
        links = GUARDIANSHIPS.c
        self._session.execute(
            delete(GUARDIANSHIPS).where(or_(links.guardian_id == traveller, links.ward_id == traveller))
        )


def _request(row: Row[Any]) -> RightsRequest:
    return RightsRequest(
        request_id=row.request_id,
        traveller=row.traveller_id,
        kind=RequestKind(row.kind),
        leaf=bytes(row.leaf),
        asked=bytes(row.asked),
        asked_at=row.asked_at,
        due_on=row.due_on,
        state=RequestState(row.state),
        staff_id=row.staff_id,
        answered=None if row.answered is None else bytes(row.answered),
        settled_at=row.settled_at,
    )


def _of_either(traveller: UUID) -> Any:
    """Consents about the person as a ward, or given by them as a guardian."""
    links = GUARDIANSHIPS.c
    theirs = select(links.guardianship_id).where(links.guardian_id == traveller)
    return or_(GUARDIAN_CONSENTS.c.ward_id == traveller, GUARDIAN_CONSENTS.c.guardianship_id.in_(theirs))
