"""What has had its time, table by table. What is kept beside a thing goes with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, insert, or_, select, tuple_, update
from sqlmodel import Session

from broker.core.purpose import FACE_ENROLMENT
from broker.core.retention import Deleted
from broker.flows.ports.retention import KeptReceipt
from broker.stores.linking_tables import HELD_IDENTITIES, IDENTITY_LINKS, PROVIDER_NOTICES
from broker.stores.oidc_tables import login_attempts
from broker.stores.partner_tables import PARTNER_EVENTS, PARTNER_REQUESTS
from broker.stores.rights_tables import (
    DELETION_RECEIPTS,
    ERASURE_CERTIFICATES,
    GUARDIANSHIPS,
    PERSON_NOTICES,
    RIGHTS_REQUESTS,
)
from broker.stores.tables import CONSENTS, FACE_TEMPLATES, PASS_ANSWERS, PASS_SPENDS, PASSES, PROFILES

_STANDING = CONSENTS.c.status.in_(["active", "paused"])


@dataclass(frozen=True, slots=True)
class _Kind:
    """`clock`: the column that says when its time began; `only`: what else must hold of a row, given the moment before
    which that is; `cleared`: columns that are emptied where the row itself stays; `beside`: tables with the same key.
    """

    table: Table
    clock: str
    only: Callable[[datetime], ColumnElement[bool]] | None = None
    cleared: tuple[str, ...] = ()
    beside: tuple[Table, ...] = ()

    def condition(self, before: datetime) -> ColumnElement[bool]:
        old = self.table.c[self.clock] <= before
        return old if self.only is None else and_(old, self.only(before))

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(self.table.primary_key)


def _no_enrolment(_: datetime) -> ColumnElement[bool]:
    covering = and_(
        CONSENTS.c.traveller_id == FACE_TEMPLATES.c.traveller_id, CONSENTS.c.purpose == FACE_ENROLMENT, _STANDING
    )
    return ~exists().where(covering)


def _unused(before: datetime) -> ColumnElement[bool]:
    person = PROFILES.c.traveller_id
    links = IDENTITY_LINKS.c
    seen = func.coalesce(links.last_login_at, links.linked_at) > before
    return and_(
        PROFILES.c.claims.is_not(None),
        ~exists().where(CONSENTS.c.traveller_id == person, _STANDING),
        ~exists().where(links.traveller_id == person, seen),
    )


_KINDS: Final[Mapping[str, _Kind]] = {
    "portraits": _Kind(PROFILES, "portrait_at", cleared=("portrait", "portrait_at")),
    "templates_without_consent": _Kind(FACE_TEMPLATES, "enrolled_at", _no_enrolment),
    "unused_claims": _Kind(PROFILES, "auth_time", _unused, cleared=("claims", "vouched", "document", "evidence")),
    "passes": _Kind(PASSES, "expires_at", beside=(PASS_SPENDS, PASS_ANSWERS)),
    "login_attempts": _Kind(login_attempts, "expires_at"),
    "held_identities": _Kind(HELD_IDENTITIES, "expires_at"),
    "provider_notices": _Kind(PROVIDER_NOTICES, "received_at"),
    "approval_results": _Kind(
        PARTNER_REQUESTS,
        "settled_at",
        lambda _: PARTNER_REQUESTS.c.result.is_not(None),
        cleared=("result", "memory", "state_hash"),
    ),
    "approval_requests": _Kind(PARTNER_REQUESTS, "expires_at"),
    "partner_events": _Kind(PARTNER_EVENTS, "settled_at"),
    "erasure_certificates": _Kind(ERASURE_CERTIFICATES, "forget_at"),
    "rights_requests": _Kind(RIGHTS_REQUESTS, "settled_at"),
    "person_notices": _Kind(PERSON_NOTICES, "told_at"),
    "guardian_invitations": _Kind(
        GUARDIANSHIPS,
        "expires_at",
        lambda _: or_(GUARDIANSHIPS.c.state == "invited", GUARDIANSHIPS.c.ward_id.is_(None)),
    ),
}


class SqlRetentionDesk:
    """Port `RetentionDesk`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, category: str, before: datetime) -> int:
        kind = _KINDS[category]
        query = select(func.count()).select_from(kind.table).where(kind.condition(before))
        return int(self._session.execute(query).scalar_one())

    def delete(self, category: str, before: datetime, *, limit: int) -> Sequence[Deleted]:
        kind = _KINDS[category]
        began = kind.table.c[kind.clock]
        old = select(*kind.key, began.label("began")).where(kind.condition(before)).order_by(began, *kind.key)
        rows = self._session.execute(old.limit(limit).with_for_update(skip_locked=True)).all()
        if not rows:
            return []
        names = [tuple(row)[:-1] for row in rows]
        theirs = tuple_(*kind.key).in_(names)
        if kind.cleared:
            self._session.execute(update(kind.table).where(theirs).values(dict.fromkeys(kind.cleared)))
        else:
            self._session.execute(delete(kind.table).where(theirs))
        for table in kind.beside:
            same = tuple_(*(table.c[column.name] for column in kind.key)).in_(names)
            self._session.execute(delete(table).where(same))
        return [
            Deleted(category.encode() + b"".join(b"\0" + _bytes(part) for part in name), row.began)
            for name, row in zip(names, rows, strict=True)
        ]

    def keep(self, receipt: KeptReceipt) -> None:
        self._session.execute(
            insert(DELETION_RECEIPTS).values(
                receipt_id=receipt.receipt_id,
                category=receipt.category,
                run_at=receipt.run_at,
                deleted=receipt.deleted,
                receipt=receipt.receipt,
            )
        )

    def receipts(self, *, limit: int) -> Sequence[KeptReceipt]:
        table = DELETION_RECEIPTS
        query = select(table).order_by(table.c.run_at.desc(), table.c.receipt_id).limit(limit)
        return [
            KeptReceipt(row.receipt_id, row.category, row.run_at, row.deleted, row.receipt)
            for row in self._session.execute(query)
        ]


def _bytes(part: Any) -> bytes:
    return part.bytes if isinstance(part, UUID) else part.encode() if isinstance(part, str) else bytes(part)
