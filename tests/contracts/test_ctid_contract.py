"""CTID's machine interface as the connector needs it: against the mock, or against any platform that a settings file
names.

`TONGGUAN_CTID_SANDBOX=FILE python -m pytest tests/contracts/test_ctid_contract.py` with a TOML file of `[settings]` (as
`[providers.ctid]`) and `[person]` (xM, gMSFZHM, yXQQSRQ, yXQJZRQ, photo = path of a JPEG of that person, other_photo =
path of a JPEG of somebody else). Paths start at the file's folder. Only test people of the platform may be named there.
"""

import os
import ssl
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault
from connectors.adapter import Surroundings
from connectors.ctid import CtidConnector, CtidSettings, retain
from connectors.ctid.modes import WITH_FACE, AuthMode
from connectors.ctid.service import CtidService
from connectors.transport import provider_client
from tests.support.ctid_world import LI, WANG, ctid_world, portrait

SANDBOX = "TONGGUAN_CTID_SANDBOX"
DIRECT = [AuthMode.NAME_NUMBER, AuthMode.NAME_NUMBER_FACE, AuthMode.FOUR_ITEMS, AuthMode.FOUR_ITEMS_FACE]
ITEMS = ("xM", "gMSFZHM", "yXQQSRQ", "yXQJZRQ")


@dataclass(frozen=True)
class Platform:
    """`at`: where the clock of the mock stands; None for a real one."""

    connector: CtidConnector
    person: dict[str, str]
    photo: bytes
    other_photo: bytes
    at: datetime | None

    @property
    def now(self) -> datetime:
        return self.at or datetime.now(UTC)

    @property
    def service(self) -> CtidService:
        return self.connector.service

    def retained(self, **change: str) -> bytes:
        return retain.write(identity=self.person | change)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    file = os.environ.get(SANDBOX)
    if file is None:
        with ctid_world(tmp_path) as world:
            record = world.world.register.people[WANG].record
            person = {name: record[name] for name in ITEMS}
            yield Platform(world.connector, person, portrait(WANG), portrait(LI), world.at)
        return
    home = Path(file).resolve().parent
    document = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    settings = CtidSettings.model_validate(document["settings"])
    with provider_client(ssl.create_default_context()) as http:
        connector = CtidConnector("ctid", settings, Surroundings(settings.fetcher("ctid", http), home))
        person = {name: document["person"][name] for name in ITEMS}
        photos = [(home / document["person"][name]).read_bytes() for name in ("photo", "other_photo")]
        yield Platform(connector, person, photos[0], photos[1], None)


def test_an_application_gets_a_serial_number_and_a_random_number(platform: Platform) -> None:
    one, two = (platform.service.apply(AuthMode.NAME_NUMBER, at=platform.now) for _ in range(2))
    assert one.serial != two.serial
    assert one.random != two.random


@pytest.mark.parametrize("mode", DIRECT)
def test_a_person_is_known_by_every_direct_mode(platform: Platform, mode: AuthMode) -> None:
    service, photo = platform.service, platform.photo if mode in WITH_FACE else None
    pids = {
        service.authenticate(
            service.apply(mode, at=platform.now), at=platform.now, retained=platform.retained(), photo=photo
        ).pid
        for _ in range(2)
    }
    assert len(pids) == 1


def test_the_pseudonym_is_the_same_in_every_mode(platform: Platform) -> None:
    service = platform.service
    pids = set()
    for mode in DIRECT:
        photo = platform.photo if mode in WITH_FACE else None
        applied = service.apply(mode, at=platform.now)
        pids.add(service.authenticate(applied, at=platform.now, retained=platform.retained(), photo=photo).pid)
    assert len(pids) == 1


@pytest.mark.parametrize("mode", [mode for mode in DIRECT if mode in WITH_FACE])
def test_another_ones_face_is_refused(platform: Platform, mode: AuthMode) -> None:
    applied = platform.service.apply(mode, at=platform.now)
    with pytest.raises(ConnectorError) as refused:
        platform.service.authenticate(
            applied, at=platform.now, retained=platform.retained(), photo=platform.other_photo
        )
    assert refused.value.fault is ProviderFault.NOT_SAME_PERSON


def test_a_name_that_does_not_belong_to_the_number_is_refused(platform: Platform) -> None:
    applied = platform.service.apply(AuthMode.NAME_NUMBER, at=platform.now)
    with pytest.raises(ConnectorError) as refused:
        platform.service.authenticate(applied, at=platform.now, retained=platform.retained(xM="无此人"))
    assert (refused.value.fault, refused.value.code) == (ProviderFault.REFUSED, "0x00A19401")


def test_a_serial_number_counts_once(platform: Platform) -> None:
    applied = platform.service.apply(AuthMode.NAME_NUMBER, at=platform.now)
    platform.service.authenticate(applied, at=platform.now, retained=platform.retained())
    with pytest.raises(ConnectorError):
        platform.service.authenticate(applied, at=platform.now, retained=platform.retained())


def test_the_app_is_called_in_its_own_words(platform: Platform) -> None:
    start = LoginStart("state", "https://broker.example/login/ctid/callback", "zh-Hans", platform.now, os.urandom)
    begun = platform.connector.begin(start)
    assert begun.url.startswith(platform.connector.settings.app + "?orgID=")
