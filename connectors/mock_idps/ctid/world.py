"""What the mock remembers while it runs, and how it signs and seals."""

import json
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from connectors.ctid import package
from connectors.ctid.package import PackageError
from connectors.ctid.retain import parse
from connectors.mock_idps.ctid.keys import MockKeys, Pair
from connectors.mock_idps.ctid.refusals import Code, Refused
from connectors.mock_idps.ctid.register import Register
from connectors.mock_idps.faults import Fault
from connectors.mock_idps.pages import Pages
from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings
from connectors.sm import enveloped_data, signed_data
from connectors.sm.certificate import Sm2Certificate
from connectors.sm.errors import SmError

SERIAL_SECONDS: Final = 300
QR_SECONDS: Final = 60
REPLAY_SECONDS: Final = 600
APP_SECONDS: Final = 600
SKEW_SECONDS: Final = 300
_MAX_ENVELOPE: Final = 3 * 1024 * 1024

TITLE: Final = {
    "zh-Hans": "国家网络身份认证",
    "zh-Hant": "國家網絡身份認證",
    "en": "National Network Identity Authentication",
}

T = TypeVar("T")


class Expiring(Generic[T]):
    """Values under names of one's own, for a while."""

    def __init__(self, seconds: int, now: Callable[[], float]) -> None:
        self._seconds, self._now = seconds, now
        self._values: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def put(self, name: str, value: T) -> bool:
        """False when the name is taken: nothing is replaced."""
        with self._lock:
            for known in [known for known, (end, _) in self._values.items() if end <= self._now()]:
                del self._values[known]
            if name in self._values:
                return False
            self._values[name] = (self._now() + self._seconds, value)
            return True

    def get(self, name: str) -> T | None:
        with self._lock:
            return self._live(self._values.get(name))

    def take(self, name: str) -> T | None:
        """The value, once."""
        with self._lock:
            return self._live(self._values.pop(name, None))

    def _live(self, found: tuple[float, T] | None) -> T | None:
        return found[1] if found is not None and found[0] > self._now() else None


@dataclass(frozen=True)
class Serial:
    """An application: `mode` as it was asked for; `sms` is the code that goes to the person's phone."""

    mode: str
    sms: str


@dataclass(frozen=True)
class AppLogin:
    """What happened in the app under one `bizSeq`. `shared`: which of sFXX and zP the person separately agreed to."""

    person_id: str
    shared: frozenset[str]
    face: bytes = field(repr=False)


@dataclass
class QrCode:
    """`made` in seconds."""

    person_id: str
    index: str
    made: float
    used: bool = False


class World:
    """Options: `keys` (folder of both sides' keys), `org_id`, `app_id`, `quota` (of one person a day)."""

    def __init__(self, settings: MockSettings, people: Mapping[str, Person]) -> None:
        self.settings = settings
        self.now = settings.now
        self.switch = settings.switch
        self.register = Register(people, settings.now)
        self.keys = MockKeys.load(Path(settings.options["keys"]), at=self.register.now())
        self.org_id = settings.options.get("org_id", "10000001")
        self.app_id = settings.options.get("app_id", "0001")
        self.quota = int(settings.options.get("quota", "1000"))
        self.pages = Pages(title=TITLE, accent="#b3261e", package="connectors.mock_idps.ctid")
        self.serials: Expiring[Serial] = Expiring(SERIAL_SECONDS, self.now)
        self.used: Expiring[bool] = Expiring(REPLAY_SECONDS, self.now)
        self.logins: Expiring[AppLogin] = Expiring(APP_SECONDS, self.now)
        self.codes: Expiring[QrCode] = Expiring(REPLAY_SECONDS, self.now)
        self.messages: dict[str, str] = {}  # by serial number: the code sent to the phone
        self._used: dict[tuple[str, str], int] = {}

    @property
    def at(self) -> datetime:
        return self.register.now()

    def answer(self, fields: Mapping[str, Any], path: str) -> bytes:
        """A signed body; with the faults of signing, if one is on."""
        return package.write(fields, lambda raw: self._sign(raw, path))

    def seal(self, plaintext: bytes, recipient: Sm2Certificate) -> str:
        """Base64 of an envelope."""
        return b64encode(enveloped_data.seal(plaintext, recipient=recipient, entropy=secrets.token_bytes)).decode()

    def close(self, **values: str) -> str:
        """An envelope only the platform opens: what app and credential hand to the client."""
        return self.seal(json.dumps(values).encode(), self.keys.platform.certificate)

    def open(self, value: object, name: str, refused: Code) -> dict[str, Any]:
        """The JSON object in an envelope to the platform. Raises Refused."""
        platform = self.keys.platform
        try:
            der = package.read_base64(value, name, limit=_MAX_ENVELOPE)
            return parse(enveloped_data.unseal(der, key=platform.key, certificate=platform.certificate))
        except (PackageError, SmError) as error:
            raise Refused(refused) from error

    def use_quota(self, person: Person) -> None:
        """Raises Refused for one authentication too many today."""
        name = (person.person_id, self.at.date().isoformat())
        if self._used.get(name, 0) >= self.quota:
            raise Refused(Code.QUOTA)
        self._used[name] = self._used.get(name, 0) + 1

    def pid(self, person: Person) -> str:
        """A pseudonym per organisation."""
        return person.pseudonym("ctid", self.org_id)

    def _sign(self, raw: bytes, path: str) -> bytes:
        pair = self.keys.platform
        if self.switch.strikes(Fault.WRONG_SIGNATURE, path):
            stranger = Pair.make("a stranger", at=self.at, until=self.at)
            pair = Pair(stranger.key, pair.certificate)
        elif self.switch.strikes(Fault.EXPIRED_KEY, path):
            pair = self.keys.former
        return signed_data.sign(raw, key=pair.key, certificate=pair.certificate)
