"""Sessions, grants and clients in memory, as the flows see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from broker.core.authorization import AuthorizationCode, Grant, LoginSession
from broker.core.client import Client
from broker.core.ending import GrantsOf, SessionsOf
from tests.support.oidc_memory import fits


@dataclass
class FakeLogins:
    """Port `LoginRegister`. `told` are the sessions whose clients were to be told."""

    sessions: dict[bytes, LoginSession] = field(default_factory=dict)
    grants: dict[UUID, Grant] = field(default_factory=dict)
    told: list[UUID] = field(default_factory=list)
    codes: dict[bytes, AuthorizationCode] = field(default_factory=dict)

    def person_behind(self, subject: str) -> UUID | None:
        return next((grant.traveller_id for grant in self.grants.values() if grant.subject == subject), None)

    def add_session(self, session: LoginSession) -> None:
        self.sessions[session.session_hash] = session

    def add_grant(self, grant: Grant) -> None:
        self.grants[grant.grant_id] = grant

    def grant(self, grant_id: UUID) -> Grant | None:
        return self.grants.get(grant_id)

    def add_code(self, code: AuthorizationCode) -> None:
        self.codes[code.code_hash] = code

    def spend_code(self, code_hash: bytes, at: datetime) -> tuple[AuthorizationCode, bool] | None:
        code = self.codes.get(code_hash)
        return None if code is None else (code, True)

    def drop_codes_resting_on(self, traveller_id: UUID, consents: Sequence[UUID]) -> None:
        for key, code in list(self.codes.items()):
            if code.traveller_id == traveller_id and set(code.consents) & set(consents):
                del self.codes[key]

    def grants_resting_on(self, traveller_id: UUID, consents: Sequence[UUID], at: datetime) -> Sequence[Grant]:
        theirs = [one for one in self.grants.values() if one.traveller_id == traveller_id and one.revoked_at is None]
        return [one for one in theirs if one.expires_at > at and set(one.consents) & set(consents)]

    def end_grants(self, whose: GrantsOf, at: datetime) -> Sequence[Grant]:
        standing = [one for one in self.grants.values() if one.revoked_at is None and fits(one, whose)]
        ended = [replace(one, revoked_at=at) for one in sorted(standing, key=lambda one: one.grant_id)]
        self.grants |= {one.grant_id: one for one in ended}
        return ended

    def drop_sessions(self, whose: SessionsOf) -> Sequence[UUID]:
        dropped = [self.sessions.pop(key) for key, one in list(self.sessions.items()) if fits(one, whose)]
        return [one.session_id for one in dropped if one.session_id is not None]

    def note_logouts(self, session_ids: Sequence[UUID]) -> None:
        self.told.extend(session_ids)

    def forget_traveller(self, traveller_id: UUID) -> None:
        self.grants = {key: one for key, one in self.grants.items() if one.traveller_id != traveller_id}
        self.sessions = {key: one for key, one in self.sessions.items() if one.traveller_id != traveller_id}


@dataclass
class FakeClientRegistry:
    """Port `ClientRegistry`."""

    clients: dict[str, Client] = field(default_factory=dict)

    def find(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def of_partner(self, partner_id: str) -> Sequence[Client]:
        return [one for name, one in sorted(self.clients.items()) if one.partner_id == partner_id]

    def add(self, client: Client) -> None:
        if client.client_id in self.clients:
            raise ValueError("taken")
        self.clients[client.client_id] = replace(client, version=1)

    def change(self, client: Client) -> None:
        self.clients[client.client_id] = replace(client, version=self.clients[client.client_id].version + 1)
