"""One running mock: who it knows, its keys, and what it remembers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from joserfc.jwk import ECKey

from connectors.mock_idps.faults import Fault
from connectors.mock_idps.macau.departments import Department, register
from connectors.mock_idps.macau.eid import CounterCodes, Telephones
from connectors.mock_idps.macau.grants import Agreed, Grants
from connectors.mock_idps.macau.notices import Post, post_with
from connectors.mock_idps.macau.packet import BureauKeys
from connectors.mock_idps.macau.requests import Asked
from connectors.mock_idps.pages import Pages
from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings
from connectors.mock_idps.state import OneTime

PROVIDER: Final = "macau"
LANGUAGES: Final = ("zh-Hant", "pt", "en")
CLIENT_NAMES: Final = {"zh-Hant": "通關", "pt": "Tongguan", "en": "Tongguan"}
PUSHED_SECONDS: Final = 60
CODE_SECONDS: Final = 60
PAGE_SECONDS: Final = 600
COUNTER_SECONDS: Final = 120


@dataclass(frozen=True)
class Entering:
    """A login under way: the request, then the account, then how it was proven."""

    asked: Asked
    person_id: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()


@dataclass
class AtCounter:
    """A counter's request after a scan. `fields`: what the person released; None until they answered."""

    person_id: str
    fields_asked: tuple[str, ...]
    purpose: str
    answered: bool = False
    fields: tuple[str, ...] | None = None


def new_key() -> ECKey:
    """A key for signing, named after its thumbprint."""
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


@dataclass
class World:
    """Everything the handlers share."""

    settings: MockSettings
    people: Mapping[str, Person]
    send: Post | None = None
    bureau: BureauKeys = field(default_factory=BureauKeys.generate)
    key: ECKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        now, client = self.settings.now, self.settings.client_id
        self.post: Post = self.send or post_with(self.settings.trusted_ca)
        keys = self.settings.options.get("recipient_keys")
        self.departments: dict[str, Department] = register(client, CLIENT_NAMES, Path(keys) if keys else None)
        self.pages = Pages(
            title={"zh-Hant": "一戶通", "pt": "Conta Única de Macau", "en": "Macau One Account"},
            accent="#00614a",
            package="connectors.mock_idps.macau",
        )
        self.pushed: OneTime[Asked] = OneTime(PUSHED_SECONDS, now)
        self.entering: OneTime[Entering] = OneTime(PAGE_SECONDS, now)
        self.codes: OneTime[Agreed] = OneTime(CODE_SECONDS, now)
        self.counter: OneTime[AtCounter] = OneTime(COUNTER_SECONDS, now)
        self.apps: OneTime[str] = OneTime(PAGE_SECONDS, now)
        self.grants = Grants(now)
        self.telephones = Telephones()
        self.counter_codes = CounterCodes()
        self._packets: dict[str, int] = {}

    @property
    def issuer(self) -> str:
        return self.settings.issuer

    @property
    def bureau_issuer(self) -> str:
        return f"{self.issuer}/bureau"

    def seconds(self) -> int:
        return int(self.settings.now())

    def subject(self, person_id: str) -> str:
        """Pairwise: another client would see another."""
        return self.people[person_id].pseudonym(PROVIDER, self.settings.client_id)

    def spend_packet(self, person_id: str) -> bool:
        """Whether there is another packet about this person (option `packets`: how many while the mock runs)."""
        spent = self._packets.get(person_id, 0) + 1
        self._packets[person_id] = spent
        return spent <= int(self.settings.options.get("packets", "1000000"))

    def strikes(self, fault: Fault, path: str) -> bool:
        return self.settings.switch.strikes(fault, path)

    def signer(self, path: str) -> ECKey:
        """The key behind a token made at `path`: the provider's own unless the switch says otherwise."""
        return self.bureau.stranger if self.strikes(Fault.WRONG_SIGNATURE, path) else self.key
