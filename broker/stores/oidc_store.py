"""The authorization server's memory in PostgreSQL; implements `broker.oidc.ports.OidcUnit`.

Everything that must happen once is one statement whose row lock or unique key decides: two concurrent takers of a
handle, spenders of a code or presenters of a proof are put in order by the database.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Table, and_, cast, delete, func, insert, not_, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlalchemy.sql import Executable

from broker.core.authorization import (
    Admission,
    AuthorizationCode,
    Grant,
    LoginAttempt,
    LoginSession,
    LogoutNotice,
    PendingRequest,
    RefreshToken,
)
from broker.core.client import Client
from broker.core.ending import LASTING, GrantsOf, SessionsOf
from broker.stores import oidc_rows
from broker.stores.alone import one_row
from broker.stores.client_store import SqlClientRegistry
from broker.stores.database import Database
from broker.stores.oidc_tables import (
    clients,
    codes,
    grants,
    login_attempts,
    logout_notices,
    pending_requests,
    proofs,
    refresh_tokens,
    revoked_tokens,
    session_clients,
    sessions,
    subjects,
)
from broker.stores.unit_of_work import UnitOfWork

KEEP_SPENT: Final = timedelta(days=1)
"""How long an expired code is kept, so that a late second use is still recognised as one."""

KEEP_ENDED: Final = timedelta(days=30)
"""How long a grant that ended or ran out is kept: notices of it are tried again for days, and their receiver may ask
what became of it long after.
"""
_RETRY: Final = timedelta(seconds=15)
"""The wait after the first attempt at a logout notice, longer than the attempt; each next one is four times as long."""

MAX_ATTEMPTS: Final = 7
"""Then a logout notice is given up: the last attempt was some five and a half hours after the first."""

_ASKED_AT: Final = "asked_at"
_NOTICE: Final = ("notice_id", "client_id", "session_id", "subject", "attempts")
_living_sessions: Final = select(sessions.c.session_id).where(sessions.c.session_id.is_not(None))

Mark = tuple[bytes, datetime]

# One statement, so that a request that needs no more costs one round trip and one commit.
_MARKS: Final = (
    "WITH fresh AS (INSERT INTO oidc_proofs (proof_hash, forget_at) "
    "SELECT * FROM unnest(%s::bytea[], %s::timestamptz[]) ON CONFLICT DO NOTHING RETURNING proof_hash) "
    "SELECT (SELECT array_agg(proof_hash) FROM fresh), (SELECT version FROM oidc_clients WHERE client_id = %s)"
)
_REVOKED: Final = ", EXISTS (SELECT FROM oidc_revoked_tokens WHERE token_hash = %s)"
_GRANT: Final = f", {oidc_rows.GRANT_COLUMNS} FROM (VALUES (1)) AS one LEFT JOIN oidc_grants g ON g.grant_id = %s"


def _admission(
    marks: Sequence[Mark], client_id: str | None, grant_id: UUID | None, token: bytes | None
) -> tuple[str, tuple[Any, ...]]:
    """The statement with no more in it than is asked for, and its parameters."""
    statement, parameters = _MARKS, ([mark[0] for mark in marks], [mark[1] for mark in marks], client_id)
    if grant_id is not None:
        return statement + _GRANT, (*parameters, grant_id)
    return (statement + _REVOKED, (*parameters, token)) if token is not None else (statement, parameters)


def _admitted(row: Sequence[Any], marks: Sequence[Mark], grant_id: UUID | None, token: bytes | None) -> Admission:
    replayed = frozenset(mark[0] for mark in marks).difference(row[0] or ())
    grant = oidc_rows.grant_of_tuple(tuple(row[2:])) if grant_id is not None else None
    return Admission(replayed, row[1], grant, token is not None and bool(row[2]))


class OidcStorage:
    """`storage.unit` is the `OpenUnit` of `broker.oidc`, `storage.admit` its `Admit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def unit(self) -> Iterator["OidcUnit"]:
        """One transaction: commits on leaving, rolls back on an exception."""
        with self._database.unit_of_work() as uow:
            yield OidcUnit(uow)

    def admit(
        self,
        marks: Sequence[Mark],
        *,
        client_id: str | None = None,
        grant_id: UUID | None = None,
        token_hash: bytes | None = None,
    ) -> Admission:
        """`OidcUnit.admit` in a transaction of its own: one round trip."""
        statement, parameters = _admission(marks, client_id, grant_id, token_hash)
        return _admitted(one_row(self._database.engine, statement, parameters), marks, grant_id, token_hash)

    def find_client(self, client_id: str) -> Client | None:
        with self._database.unit_of_work() as uow:
            return SqlClientRegistry(uow.session).find(client_id)


def _fitting(table: Table, **named: object) -> list[Any]:
    """The conditions of what is named."""
    return [table.c[column] == value for column, value in named.items() if value is not None]


def _persons(table: Table, whose: GrantsOf | SessionsOf) -> list[Any]:
    return _fitting(table, traveller_id=whose.traveller, provider=whose.provider)


def _meant(table: Table, whose: GrantsOf) -> list[Any]:
    listed = {"grant_id": whose.grants, "client_id": whose.clients, "session_id": whose.sessions}
    conditions = [table.c[column].in_(list(values)) for column, values in listed.items() if values is not None]
    if whose.sessions is not None:
        conditions.append(not_(table.c.scopes.overlap(sorted(LASTING))))
    return [*conditions, *_persons(table, whose)]


def _pending(row: Row[Any] | None, at: datetime) -> PendingRequest | None:
    if row is None or row.expires_at <= at:
        return None
    stored = dict(row.request)
    asked_at = stored.pop(_ASKED_AT, None)
    return PendingRequest(
        row.handle_hash,
        oidc_rows.request_from_json(stored),
        row.created_at,
        row.expires_at,
        None if asked_at is None else datetime.fromisoformat(asked_at),
    )


def _asked(at: datetime | None) -> dict[str, str]:
    """When the browser came, as it is kept within the request's JSON."""
    return {} if at is None else {_ASKED_AT: at.isoformat()}


class OidcUnit:
    """One transaction over the authorization server's tables."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow

    # --- requests and logins that wait ---

    def add_pending(self, pending: PendingRequest) -> None:
        self._run(
            insert(pending_requests).values(
                handle_hash=pending.handle_hash,
                request=oidc_rows.request_to_json(pending.request) | _asked(pending.asked_at),
                created_at=pending.created_at,
                expires_at=pending.expires_at,
            )
        )

    def pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        return _pending(self._one(select(pending_requests).where(pending_requests.c.handle_hash == handle_hash)), at)

    def take_pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        taken = delete(pending_requests).where(pending_requests.c.handle_hash == handle_hash)
        return _pending(self._one(taken.returning(pending_requests)), at)

    def keep_pending(self, handle_hash: bytes, until: datetime, *, asked_at: datetime) -> None:
        waiting = update(pending_requests).where(pending_requests.c.handle_hash == handle_hash)
        request = pending_requests.c.request.op("||")(cast(_asked(asked_at), JSONB))
        self._run(waiting.values(expires_at=until, request=request))

    def add_login_attempt(self, attempt: LoginAttempt) -> None:
        self._run(insert(login_attempts).values(**asdict(attempt)))

    def take_login_attempt(self, binding_hash: bytes, at: datetime) -> LoginAttempt | None:
        row = self._one(
            delete(login_attempts).where(login_attempts.c.binding_hash == binding_hash).returning(login_attempts)
        )
        return LoginAttempt(**row._mapping) if row is not None and row.expires_at > at else None

    # --- sessions ---

    def add_session(self, session: LoginSession) -> None:
        self._run(insert(sessions).values(**oidc_rows.session_columns(session)))

    def session(self, session_hash: bytes, at: datetime) -> LoginSession | None:
        row = self._one(select(sessions).where(sessions.c.session_hash == session_hash, sessions.c.expires_at > at))
        return oidc_rows.session_of(dict(row._mapping)) if row is not None else None

    def drop_session(self, session_hash: bytes) -> None:
        self._run(delete(sessions).where(sessions.c.session_hash == session_hash))

    def drop_sessions(self, whose: SessionsOf) -> Sequence[UUID]:
        dropped = delete(sessions).where(
            *_fitting(sessions, session_hash=whose.session_hash), *_persons(sessions, whose)
        )
        rows = self.uow.session.execute(dropped.returning(sessions.c.session_id))
        return [row.session_id for row in rows if row.session_id is not None]

    def note_login(self, session_id: UUID, client_id: str, subject: str) -> None:
        values = insert_or_leave(session_clients).values(session_id=session_id, client_id=client_id, subject=subject)
        self._run(values.on_conflict_do_nothing())

    def note_logouts(self, session_ids: Sequence[UUID]) -> None:
        told = select(session_clients.c.client_id, session_clients.c.session_id, session_clients.c.subject)
        told = told.join(clients, clients.c.client_id == session_clients.c.client_id)
        told = told.where(session_clients.c.session_id.in_(session_ids), clients.c.backchannel_logout_uri.is_not(None))
        self._run(insert(logout_notices).from_select(["client_id", "session_id", "subject"], told))
        self._run(delete(session_clients).where(session_clients.c.session_id.in_(session_ids)))

    # --- logout notices ---

    def claim_notices(self, at: datetime, limit: int) -> Sequence[LogoutNotice]:
        due = select(logout_notices.c.notice_id).where(logout_notices.c.due_at <= at)
        due = due.order_by(logout_notices.c.due_at).limit(limit).with_for_update(skip_locked=True)
        claimed = (
            update(logout_notices)
            .where(logout_notices.c.notice_id.in_(due))
            .values(
                attempts=logout_notices.c.attempts + 1,
                due_at=at + func.power(4, logout_notices.c.attempts) * _RETRY,
            )
            .returning(*(logout_notices.c[name] for name in _NOTICE))
        )
        return [LogoutNotice(**row._mapping) for row in self.uow.session.execute(claimed)]

    def settle_notice(self, notice_id: UUID) -> None:
        self._run(delete(logout_notices).where(logout_notices.c.notice_id == notice_id))

    # --- codes, grants, refresh tokens ---

    def add_code(self, code: AuthorizationCode) -> None:
        self._run(insert(codes).values(**oidc_rows.columns(code)))

    def spend_code(self, code_hash: bytes, at: datetime) -> tuple[AuthorizationCode, bool] | None:
        # The update waits for a concurrent spender's commit and then finds nothing to spend.
        row = self._one(
            update(codes)
            .where(codes.c.code_hash == code_hash, codes.c.spent_at.is_(None))
            .values(spent_at=at)
            .returning(codes)
        )
        first = row is not None
        if row is None:
            row = self._one(select(codes).where(codes.c.code_hash == code_hash))
        if row is None:
            return None
        return oidc_rows.code_of(dict(row._mapping)), first

    def add_grant(self, grant: Grant) -> None:
        self._run(insert(grants).values(**oidc_rows.columns(grant)))

    def grant(self, grant_id: UUID) -> Grant | None:
        row = self._one(select(grants).where(grants.c.grant_id == grant_id))
        return oidc_rows.grant_of(dict(row._mapping)) if row is not None else None

    def lock_grant(self, grant_id: UUID) -> Grant | None:
        row = self._one(select(grants).where(grants.c.grant_id == grant_id).with_for_update())
        return oidc_rows.grant_of(dict(row._mapping)) if row is not None else None

    def renew_grant(self, grant: Grant) -> bool:
        same = and_(grants.c.client_id == grant.client_id, grants.c.traveller_id == grant.traveller_id)
        standing = and_(grants.c.grant_id == grant.grant_id, same, grants.c.revoked_at.is_(None))
        return self._count(update(grants).where(standing).values(**oidc_rows.columns(grant))) == 1

    def end_grants(self, whose: GrantsOf, at: datetime) -> Sequence[Grant]:
        # A code that is being redeemed holds its row: when the deletion has waited for it, its grant is there to end.
        self._run(delete(codes).where(codes.c.spent_at.is_(None), *_meant(codes, whose)))
        standing = select(grants.c.grant_id).where(grants.c.revoked_at.is_(None), *_meant(grants, whose))
        standing = standing.order_by(grants.c.grant_id).with_for_update()
        ended = update(grants).where(grants.c.grant_id.in_(standing)).values(revoked_at=at).returning(grants)
        found = [oidc_rows.grant_of(dict(row._mapping)) for row in self.uow.session.execute(ended)]
        return sorted(found, key=lambda grant: grant.grant_id)

    def sessions_behind(self, client_id: str, subject: str) -> Sequence[UUID]:
        person = select(subjects.c.traveller_id).where(subjects.c.subject == subject)
        held = select(grants.c.session_id).where(
            grants.c.traveller_id.in_(person),
            grants.c.client_id == client_id,
            grants.c.session_id.is_not(None),
            grants.c.revoked_at.is_(None),
        )
        return list(self.uow.session.execute(held.distinct()).scalars())

    def drop_codes_resting_on(self, traveller_id: UUID, consents: Sequence[UUID]) -> None:
        waiting = delete(codes).where(codes.c.traveller_id == traveller_id, codes.c.spent_at.is_(None))
        self._run(waiting.where(codes.c.consents.overlap(list(consents))))

    def grants_resting_on(self, traveller_id: UUID, consents: Sequence[UUID], at: datetime) -> Sequence[Grant]:
        theirs = select(grants).where(grants.c.traveller_id == traveller_id)
        live = theirs.where(grants.c.revoked_at.is_(None), grants.c.expires_at > at)
        resting = live.where(grants.c.consents.overlap(list(consents)))
        return [oidc_rows.grant_of(dict(row._mapping)) for row in self.uow.session.execute(resting)]

    def add_refresh_token(self, token: RefreshToken) -> None:
        self._run(insert(refresh_tokens).values(**asdict(token)))

    def refresh_token(self, token_hash: bytes) -> RefreshToken | None:
        row = self._one(select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash))
        return RefreshToken(**row._mapping) if row is not None else None

    def spend_refresh_token(self, token_hash: bytes, at: datetime) -> bool:
        row = self._one(
            update(refresh_tokens)
            .where(refresh_tokens.c.token_hash == token_hash, refresh_tokens.c.spent_at.is_(None))
            .values(spent_at=at)
            .returning(refresh_tokens.c.token_hash)
        )
        return row is not None

    # --- marks used once, pseudonyms ---

    def admit(
        self,
        marks: Sequence[Mark],
        *,
        client_id: str | None = None,
        grant_id: UUID | None = None,
        token_hash: bytes | None = None,
    ) -> Admission:
        statement, parameters = _admission(marks, client_id, grant_id, token_hash)
        row = self.uow.session.connection().exec_driver_sql(statement, parameters).one()
        return _admitted(row, marks, grant_id, token_hash)

    def revoke_token(self, token_hash: bytes, until: datetime) -> None:
        values = insert_or_leave(revoked_tokens).values(token_hash=token_hash, forget_at=until)
        self._run(values.on_conflict_do_nothing())

    def remember_proof(self, proof_hash: bytes, until: datetime) -> bool:
        row = self._one(
            insert_or_leave(proofs)
            .values(proof_hash=proof_hash, forget_at=until)
            .on_conflict_do_nothing()
            .returning(proofs.c.proof_hash)
        )
        return row is not None

    def pairwise_subject(self, traveller_id: UUID, sector: str, candidate: str) -> str:
        self._run(
            insert_or_leave(subjects)
            .values(traveller_id=traveller_id, sector=sector, subject=candidate)
            .on_conflict_do_nothing(index_elements=[subjects.c.traveller_id, subjects.c.sector])
        )
        stored = self.uow.session.execute(
            select(subjects.c.subject).where(subjects.c.traveller_id == traveller_id, subjects.c.sector == sector)
        )
        return str(stored.scalar_one())

    def has_pseudonym(self, traveller_id: UUID, sector: str, subject: str) -> bool:
        known = select(subjects.c.subject).where(
            subjects.c.traveller_id == traveller_id, subjects.c.sector == sector, subjects.c.subject == subject
        )
        return self._one(known) is not None

    def person_behind(self, subject: str) -> UUID | None:
        row = self._one(select(subjects.c.traveller_id).where(subjects.c.subject == subject))
        return None if row is None else row.traveller_id

    # --- forgetting ---

    def forget_traveller(self, traveller_id: UUID) -> None:
        for table in (sessions, codes, grants, subjects):
            self._run(delete(table).where(table.c.traveller_id == traveller_id))

    def sweep(self, at: datetime) -> int:
        late, forgotten = at - KEEP_SPENT, at - KEEP_ENDED
        doomed: tuple[tuple[Table, Any], ...] = (
            (pending_requests, pending_requests.c.expires_at <= at),
            (login_attempts, login_attempts.c.expires_at <= at),
            (sessions, sessions.c.expires_at <= at),
            (session_clients, session_clients.c.session_id.not_in(_living_sessions)),
            (proofs, proofs.c.forget_at <= at),
            (revoked_tokens, revoked_tokens.c.forget_at <= at),
            (logout_notices, logout_notices.c.attempts >= MAX_ATTEMPTS),
            (codes, codes.c.expires_at <= late),
            (grants, or_(grants.c.expires_at <= forgotten, grants.c.revoked_at <= forgotten)),
        )
        return sum(self._count(delete(table).where(condition)) for table, condition in doomed)

    def _run(self, statement: Executable) -> None:
        self.uow.session.execute(statement)

    def _count(self, statement: Executable) -> int:
        return int(getattr(self.uow.session.execute(statement), "rowcount", 0))

    def _one(self, statement: Executable) -> Row[Any] | None:
        return self.uow.session.execute(statement).first()
