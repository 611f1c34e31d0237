"""Everything the mock remembers while it runs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.mock_idps.faults import Fault
from connectors.mock_idps.iamsmart.authentication import Authentication
from connectors.mock_idps.iamsmart.authority import Authority
from connectors.mock_idps.iamsmart.codes import Code, Refusal
from connectors.mock_idps.iamsmart.content_keys import IssuedKeys
from connectors.mock_idps.iamsmart.service import Service
from connectors.mock_idps.iamsmart.tasks import Grant, Kept, Result, Task
from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings

PROVIDER = "iamsmart"


class Provider:
    """`services` by clientID."""

    def __init__(
        self,
        settings: MockSettings,
        people: Mapping[str, Person],
        services: Mapping[str, Service],
        authority: Authority,
    ) -> None:
        self.issuer = settings.issuer
        self.switch = settings.switch
        self.now = settings.now
        self.people = people
        self.services = services
        self.authority = authority
        self.authentication = Authentication(services, settings.now)
        self.keys = IssuedKeys(settings.now)
        self.tickets: Kept[Task] = Kept(settings.now)  # started, not yet opened in a browser
        self.screens: Kept[Task] = Kept(settings.now)  # shown to a person
        self.codes: Kept[Grant] = Kept(settings.now)
        self.tokens: Kept[Grant] = Kept(settings.now)
        self.results: Kept[Result] = Kept(settings.now)  # of anonymous requests, by businessID
        self.acknowledged: set[str] = set()

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def now_ms(self) -> int:
        return int(self.now() * 1000)

    def open_id(self, grant: Grant) -> str:
        """Pairwise: another for every service."""
        return self.people[grant.person_id].pseudonym(PROVIDER, grant.service.client_id)

    def token(self, service: Service, content: Mapping[str, Any], scope: str, path: str) -> Grant:
        """Whose token a request carries. Raises Refusal."""
        grant = self.tokens.get(content.get("accessToken"))
        if grant is None or grant.service.client_id != service.client_id:
            raise Refusal(Code.TOKEN)
        if content.get("openID") != self.open_id(grant):
            raise Refusal(Code.TOKEN)
        if scope not in grant.scopes:
            raise Refusal(Code.SCOPE)
        if self.switch.strikes(Fault.FROZEN, path):
            raise Refusal(Code.FROZEN)
        return grant
