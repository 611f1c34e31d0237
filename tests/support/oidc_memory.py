"""The authorization server's memory as dictionaries: the fake beside `broker.stores.oidc_store`."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from uuid import UUID

from broker.core.authorization import (
    AuthorizationCode,
    Grant,
    LoginAttempt,
    LoginSession,
    PendingRequest,
    RefreshToken,
)

_TABLES = ("pending", "attempts", "sessions", "codes", "spent", "grants", "tokens", "proofs", "subjects")


class OidcMemory:
    """Implements `OidcUnit`; `unit` opens a transaction that an exception rolls back."""

    def __init__(self) -> None:
        self._lock = RLock()
        self.tables: dict[str, dict[Any, Any]] = {name: {} for name in _TABLES}

    @contextmanager
    def unit(self) -> Iterator["OidcMemory"]:
        with self._lock:
            before = deepcopy(self.tables)
            try:
                yield self
            except BaseException:
                self.tables = before
                raise

    def add_pending(self, pending: PendingRequest) -> None:
        self.tables["pending"][pending.handle_hash] = pending

    def take_pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        found: PendingRequest | None = self.tables["pending"].pop(handle_hash, None)
        return found if found and found.expires_at > at else None

    def add_login_attempt(self, attempt: LoginAttempt) -> None:
        self.tables["attempts"][attempt.binding_hash] = attempt

    def take_login_attempt(self, binding_hash: bytes, at: datetime) -> LoginAttempt | None:
        found: LoginAttempt | None = self.tables["attempts"].pop(binding_hash, None)
        return found if found and found.expires_at > at else None

    def add_session(self, session: LoginSession) -> None:
        self.tables["sessions"][session.session_hash] = session

    def session(self, session_hash: bytes, at: datetime) -> LoginSession | None:
        found: LoginSession | None = self.tables["sessions"].get(session_hash)
        return found if found and found.expires_at > at else None

    def end_session(self, session_hash: bytes) -> None:
        self.tables["sessions"].pop(session_hash, None)

    def end_sessions_of(self, traveller_id: UUID) -> None:
        sessions = self.tables["sessions"]
        self.tables["sessions"] = {key: row for key, row in sessions.items() if row.traveller_id != traveller_id}

    def add_code(self, code: AuthorizationCode) -> None:
        self.tables["codes"][code.code_hash] = code

    def spend_code(self, code_hash: bytes, at: datetime) -> tuple[AuthorizationCode, bool] | None:
        code = self.tables["codes"].get(code_hash)
        if code is None:
            return None
        first = code_hash not in self.tables["spent"]
        self.tables["spent"][code_hash] = at
        return code, first

    def add_grant(self, grant: Grant) -> None:
        self.tables["grants"][grant.grant_id] = grant

    def grant(self, grant_id: UUID) -> Grant | None:
        return self.tables["grants"].get(grant_id)

    def revoke_grant(self, grant_id: UUID, at: datetime) -> None:
        grant = self.tables["grants"].get(grant_id)
        if grant is not None and grant.revoked_at is None:
            self.tables["grants"][grant_id] = replace(grant, revoked_at=at)

    def add_refresh_token(self, token: RefreshToken) -> None:
        self.tables["tokens"][token.token_hash] = token

    def refresh_token(self, token_hash: bytes) -> RefreshToken | None:
        return self.tables["tokens"].get(token_hash)

    def spend_refresh_token(self, token_hash: bytes, at: datetime) -> bool:
        token = self.tables["tokens"].get(token_hash)
        if token is None or token.spent_at is not None:
            return False
        self.tables["tokens"][token_hash] = replace(token, spent_at=at)
        return True

    def remember_proof(self, proof_hash: bytes, until: datetime) -> bool:
        if proof_hash in self.tables["proofs"]:
            return False
        self.tables["proofs"][proof_hash] = until
        return True

    def pairwise_subject(self, traveller_id: UUID, sector: str, candidate: str) -> str:
        subject: str = self.tables["subjects"].setdefault((traveller_id, sector), candidate)
        return subject

    def has_pseudonym(self, traveller_id: UUID, subject: str) -> bool:
        return any(key[0] == traveller_id and known == subject for key, known in self.tables["subjects"].items())

    def forget_traveller(self, traveller_id: UUID) -> None:
        for name in ("sessions", "codes", "grants"):
            rows = self.tables[name]
            self.tables[name] = {key: row for key, row in rows.items() if row.traveller_id != traveller_id}
        kept = {key: row for key, row in self.tables["subjects"].items() if key[0] != traveller_id}
        self.tables["subjects"] = kept
        tokens = self.tables["tokens"]
        self.tables["tokens"] = {k: t for k, t in tokens.items() if t.grant_id in self.tables["grants"]}

    def sweep(self, at: datetime) -> int:
        before = sum(len(rows) for rows in self.tables.values())
        for name in ("pending", "attempts", "sessions"):
            self.tables[name] = {key: row for key, row in self.tables[name].items() if row.expires_at > at}
        self.tables["proofs"] = {key: until for key, until in self.tables["proofs"].items() if until > at}
        late = at - timedelta(days=1)
        self.tables["codes"] = {key: row for key, row in self.tables["codes"].items() if row.expires_at > late}
        self.tables["grants"] = {
            key: row
            for key, row in self.tables["grants"].items()
            if row.expires_at > late and not (row.revoked_at and row.revoked_at <= late)
        }
        tokens = self.tables["tokens"]
        self.tables["tokens"] = {k: t for k, t in tokens.items() if t.grant_id in self.tables["grants"]}
        return before - sum(len(rows) for rows in self.tables.values())
