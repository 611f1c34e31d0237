"""The authorization server's memory as dictionaries: the fake beside `broker.stores.oidc_store`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from uuid import UUID, uuid4

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
from broker.oidc.ports import Mark

_TABLES = ("pending", "attempts", "sessions", "codes", "spent", "grants", "tokens", "proofs", "subjects")
_MORE = ("clients", "logins", "notices", "revoked")


def fits(row: LoginSession | AuthorizationCode | Grant, whose: GrantsOf | SessionsOf) -> bool:
    """Whether a row is among those that are meant."""
    if isinstance(whose, SessionsOf):
        same = whose.session_hash in (None, getattr(row, "session_hash", None))
    else:
        listed = (("grant_id", whose.grants), ("client_id", whose.clients), ("session_id", whose.sessions))
        same = all(values is None or getattr(row, name) in values for name, values in listed)
        same = same and (whose.sessions is None or not getattr(row, "scopes", LASTING) & LASTING)
    return same and whose.traveller in (None, row.traveller_id) and whose.provider in (None, row.provider)


class OidcMemory:
    """Implements `OidcUnit`; `unit` opens a transaction that an exception rolls back."""

    def __init__(self) -> None:
        self._lock = RLock()
        self.tables: dict[str, dict[Any, Any]] = {name: {} for name in _TABLES + _MORE}

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

    def find_client(self, client_id: str) -> Client | None:
        return self.tables["clients"].get(client_id)

    def keep_client(self, client: Client) -> None:
        """What the registry's add and change do."""
        known = self.tables["clients"].get(client.client_id)
        self.tables["clients"][client.client_id] = replace(client, version=known.version + 1 if known else 1)

    def pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        found: PendingRequest | None = self.tables["pending"].get(handle_hash)
        return found if found and found.expires_at > at else None

    def take_pending(self, handle_hash: bytes, at: datetime) -> PendingRequest | None:
        found: PendingRequest | None = self.tables["pending"].pop(handle_hash, None)
        return found if found and found.expires_at > at else None

    def keep_pending(self, handle_hash: bytes, until: datetime, *, asked_at: datetime) -> None:
        found = self.tables["pending"].get(handle_hash)
        if found is not None:
            self.tables["pending"][handle_hash] = replace(found, expires_at=until, asked_at=asked_at)

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

    def drop_session(self, session_hash: bytes) -> None:
        self.tables["sessions"].pop(session_hash, None)

    def drop_sessions(self, whose: SessionsOf) -> list[UUID]:
        rows = {key: row for key, row in self.tables["sessions"].items() if fits(row, whose)}
        for key in rows:
            del self.tables["sessions"][key]
        return [row.session_id for row in rows.values() if row.session_id is not None]

    def note_login(self, session_id: UUID, client_id: str, subject: str) -> None:
        self.tables["logins"].setdefault((session_id, client_id), subject)

    def note_logouts(self, session_ids: Sequence[UUID]) -> None:
        for (session_id, client_id), subject in list(self.tables["logins"].items()):
            if session_id in session_ids:
                client = self.tables["clients"].get(client_id)
                del self.tables["logins"][session_id, client_id]
                if client is not None and client.backchannel_logout_uri is not None:
                    notice = LogoutNotice(uuid4(), client_id, session_id, subject, 0)
                    self.tables["notices"][notice.notice_id] = (notice, datetime.fromtimestamp(0, UTC))

    def claim_notices(self, at: datetime, limit: int) -> list[LogoutNotice]:
        due = [notice for notice, when in self.tables["notices"].values() if when <= at][:limit]
        claimed = [replace(notice, attempts=notice.attempts + 1) for notice in due]
        for notice in claimed:
            again = at + timedelta(seconds=15) * 4 ** (notice.attempts - 1)
            self.tables["notices"][notice.notice_id] = (notice, again)
        return claimed

    def settle_notice(self, notice_id: UUID) -> None:
        self.tables["notices"].pop(notice_id, None)

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

    lock_grant = grant

    def renew_grant(self, grant: Grant) -> bool:
        known = self.grant(grant.grant_id)
        if known is None or known.revoked_at is not None or known.client_id != grant.client_id:
            return False
        self.add_grant(grant)
        return True

    def end_grants(self, whose: GrantsOf, at: datetime) -> list[Grant]:
        unspent = [key for key, row in self.tables["codes"].items() if key not in self.tables["spent"]]
        for key in unspent:
            if fits(self.tables["codes"][key], whose):
                del self.tables["codes"][key]
        standing = [row for row in self.tables["grants"].values() if row.revoked_at is None and fits(row, whose)]
        ended = [replace(row, revoked_at=at) for row in sorted(standing, key=lambda row: row.grant_id)]
        self.tables["grants"] |= {row.grant_id: row for row in ended}
        return ended

    def sessions_behind(self, client_id: str, subject: str) -> list[UUID]:
        people = {key[0] for key, known in self.tables["subjects"].items() if known == subject}
        held = {
            grant.session_id
            for grant in self.tables["grants"].values()
            if grant.traveller_id in people and grant.client_id == client_id and grant.revoked_at is None
        }
        return list(held - {None})

    def drop_codes_resting_on(self, traveller_id: UUID, consents: Sequence[UUID]) -> None:
        self.tables["codes"] = {
            key: row
            for key, row in self.tables["codes"].items()
            if key in self.tables["spent"] or row.traveller_id != traveller_id or not set(consents) & set(row.consents)
        }

    def grants_resting_on(self, traveller_id: UUID, consents: Sequence[UUID], at: datetime) -> list[Grant]:
        return [
            grant
            for grant in self.tables["grants"].values()
            if grant.traveller_id == traveller_id
            and grant.revoked_at is None
            and grant.expires_at > at
            and set(consents) & set(grant.consents)
        ]

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

    def admit(
        self,
        marks: Sequence[Mark],
        *,
        client_id: str | None = None,
        grant_id: UUID | None = None,
        token_hash: bytes | None = None,
    ) -> Admission:
        with self._lock:
            replayed = frozenset(mark[0] for mark in marks if not self.remember_proof(*mark))
            client = self.tables["clients"].get(client_id)
            revoked = token_hash in self.tables["revoked"]
            grant = self.tables["grants"].get(grant_id)
            return Admission(replayed, client.version if client else None, grant, revoked)

    def revoke_token(self, token_hash: bytes, until: datetime) -> None:
        self.tables["revoked"][token_hash] = until

    def remember_proof(self, proof_hash: bytes, until: datetime) -> bool:
        if proof_hash in self.tables["proofs"]:
            return False
        self.tables["proofs"][proof_hash] = until
        return True

    def pairwise_subject(self, traveller_id: UUID, sector: str, candidate: str) -> str:
        subject: str = self.tables["subjects"].setdefault((traveller_id, sector), candidate)
        return subject

    def has_pseudonym(self, traveller_id: UUID, sector: str, subject: str) -> bool:
        return bool(self.tables["subjects"].get((traveller_id, sector)) == subject)

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
        self.tables["revoked"] = {key: until for key, until in self.tables["revoked"].items() if until > at}
        living = {row.session_id for row in self.tables["sessions"].values()}
        self.tables["logins"] = {key: row for key, row in self.tables["logins"].items() if key[0] in living}
        notices = self.tables["notices"]
        self.tables["notices"] = {key: row for key, row in notices.items() if row[0].attempts < 7}
        late, forgotten = at - timedelta(days=1), at - timedelta(days=30)
        self.tables["codes"] = {key: row for key, row in self.tables["codes"].items() if row.expires_at > late}
        self.tables["grants"] = {
            key: row
            for key, row in self.tables["grants"].items()
            if row.expires_at > forgotten and not (row.revoked_at and row.revoked_at <= forgotten)
        }
        tokens = self.tables["tokens"]
        self.tables["tokens"] = {k: t for k, t in tokens.items() if t.grant_id in self.tables["grants"]}
        return before - sum(len(rows) for rows in self.tables.values())
