"""How the authorization server ends sessions and grants: the flow, in the unit's transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.ending import Ending, GrantsOf, SessionsOf
from broker.flows import end_logins
from broker.flows.end_logins import LoginWork
from broker.oidc.ports import OidcUnit
from broker.wire.keys import Entropy


@dataclass(frozen=True)
class LoginDesk:
    """Port `EndLogins`. `work_of` gives the work of a unit."""

    work_of: Callable[[OidcUnit], LoginWork]
    entropy: Entropy

    def grant(self, unit: OidcUnit, grant_id: UUID, ending: Ending, *, at: datetime) -> None:
        end_logins.end_grants(self.work_of(unit), GrantsOf(grants=[grant_id]), ending, at=at, entropy=self.entropy)

    def session(self, unit: OidcUnit, session_hash: bytes, ending: Ending, *, at: datetime) -> None:
        whose = SessionsOf(session_hash=session_hash)
        end_logins.end_sessions(self.work_of(unit), whose, ending, at=at, entropy=self.entropy)

    def left_of_session(
        self, unit: OidcUnit, session_id: UUID, client_id: str, ending: Ending, *, at: datetime
    ) -> None:
        whose = GrantsOf(sessions=[session_id], clients=[client_id])
        end_logins.end_grants(self.work_of(unit), whose, ending, at=at, entropy=self.entropy)

    def sessions_of(self, unit: OidcUnit, traveller: UUID, ending: Ending, *, at: datetime) -> None:
        whose = SessionsOf(traveller=traveller)
        end_logins.end_sessions(self.work_of(unit), whose, ending, at=at, entropy=self.entropy)
