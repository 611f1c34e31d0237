"""The authorization server's memory in PostgreSQL; implements `broker.oidc.ports.OidcUnit`.

Everything that must happen once is one statement whose row lock or unique key decides: two concurrent takers of a
handle, spenders of a code or presenters of a proof are put in order by the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Table, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlalchemy.sql import Executable

from broker.core.authorization import (
    AuthorizationCode,
    AuthorizationRequest,
    Grant,
    LoginAttempt,
    LoginSession,
    PendingRequest,
    RefreshToken,
)
from broker.stores.database import Database
from broker.stores.oidc_tables import (
    codes,
    grants,
    login_attempts,
    pending_requests,
    proofs,
    refresh_tokens,
    sessions,
    subjects,
)
from broker.stores.unit_of_work import UnitOfWork

KEEP_SPENT: Final = timedelta(days=1)
"""How long an expired code or an ended grant is kept, so that a late second use is still recognised as one."""


class OidcStorage:
    """`storage.unit` is the `OpenUnit` of `broker.oidc`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def unit(self) -> Iterator["OidcUnit"]:
        """One transaction: commits on leaving, rolls back on an exception."""
        with self._database.unit_of_work() as uow:
            yield OidcUnit(uow)


class OidcUnit:
    """One transaction over the authorization server's tables."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow

    # --- requests and logins that wait ---

    def add_pending(self, pending: PendingRequest) -> None:
        request = asdict(pending.request) | {
            "scopes": sorted(pending.request.scopes),
            "prompt": sorted(pending.request.prompt),
        }
        self._run(
            insert(pending_requests).values(
                handle_hash=pending.handle_hash,
                request=request,
                created_at=pending.created_at,
                expires_at=pending.expires_at,
            )
        )

    def take_pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        row = self._one(
            delete(pending_requests).where(pending_requests.c.handle_hash == handle_hash).returning(pending_requests)
        )
        if row is None or row.expires_at <= at:
            return None
        stored: dict[str, Any] = row.request
        request = AuthorizationRequest(
            **stored
            | {
                "scopes": frozenset(stored["scopes"]),
                "prompt": frozenset(stored["prompt"]),
                "ui_locales": tuple(stored["ui_locales"]),
            }
        )
        return PendingRequest(row.handle_hash, request, row.created_at, row.expires_at)

    def add_login_attempt(self, attempt: LoginAttempt) -> None:
        self._run(insert(login_attempts).values(**asdict(attempt)))

    def take_login_attempt(self, binding_hash: bytes, at: datetime) -> LoginAttempt | None:
        row = self._one(
            delete(login_attempts).where(login_attempts.c.binding_hash == binding_hash).returning(login_attempts)
        )
        return LoginAttempt(**row._mapping) if row is not None and row.expires_at > at else None

    # --- sessions ---

    def add_session(self, session: LoginSession) -> None:
        self._run(insert(sessions).values(**asdict(session)))

    def session(self, session_hash: bytes, at: datetime) -> LoginSession | None:
        row = self._one(select(sessions).where(sessions.c.session_hash == session_hash, sessions.c.expires_at > at))
        return LoginSession(**row._mapping) if row is not None else None

    def end_session(self, session_hash: bytes) -> None:
        self._run(delete(sessions).where(sessions.c.session_hash == session_hash))

    def end_sessions_of(self, traveller_id: UUID) -> None:
        self._run(delete(sessions).where(sessions.c.traveller_id == traveller_id))

    # --- codes, grants, refresh tokens ---

    def add_code(self, code: AuthorizationCode) -> None:
        self._run(insert(codes).values(**asdict(code) | {"scopes": sorted(code.scopes)}))

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
        values = dict(row._mapping)
        values.pop("spent_at")
        return AuthorizationCode(**values | {"scopes": frozenset(values["scopes"])}), first

    def add_grant(self, grant: Grant) -> None:
        self._run(insert(grants).values(**asdict(grant) | {"scopes": sorted(grant.scopes)}))

    def grant(self, grant_id: UUID) -> Grant | None:
        row = self._one(select(grants).where(grants.c.grant_id == grant_id))
        return Grant(**dict(row._mapping) | {"scopes": frozenset(row.scopes)}) if row is not None else None

    def revoke_grant(self, grant_id: UUID, at: datetime) -> None:
        self._run(
            update(grants).where(grants.c.grant_id == grant_id, grants.c.revoked_at.is_(None)).values(revoked_at=at)
        )

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

    # --- proofs, pseudonyms ---

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

    def has_pseudonym(self, traveller_id: UUID, subject: str) -> bool:
        known = select(subjects.c.sector).where(subjects.c.traveller_id == traveller_id, subjects.c.subject == subject)
        return self._one(known) is not None

    # --- forgetting ---

    def forget_traveller(self, traveller_id: UUID) -> None:
        for table in (sessions, codes, grants, subjects):
            self._run(delete(table).where(table.c.traveller_id == traveller_id))

    def sweep(self, at: datetime) -> int:
        late = at - KEEP_SPENT
        doomed: tuple[tuple[Table, Any], ...] = (
            (pending_requests, pending_requests.c.expires_at <= at),
            (login_attempts, login_attempts.c.expires_at <= at),
            (sessions, sessions.c.expires_at <= at),
            (proofs, proofs.c.forget_at <= at),
            (codes, codes.c.expires_at <= late),
            (grants, or_(grants.c.expires_at <= late, grants.c.revoked_at <= late)),
        )
        return sum(self._count(delete(table).where(condition)) for table, condition in doomed)

    def _run(self, statement: Executable) -> None:
        self.uow.session.execute(statement)

    def _count(self, statement: Executable) -> int:
        return int(getattr(self.uow.session.execute(statement), "rowcount", 0))

    def _one(self, statement: Executable) -> Row[Any] | None:
        return self.uow.session.execute(statement).first()
