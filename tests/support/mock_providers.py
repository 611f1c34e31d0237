"""What a mock provider and the connector that meets it agree on beforehand, and how each mock is mounted in one process
or started as a process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any, Final

from starlette.applications import Starlette

from connectors.mock_idps.ctid.keys import MockKeys
from connectors.mock_idps.dialect import DIALECTS
from connectors.mock_idps.iamsmart.authority import AUTHORITY, SERVICE_KEY
from connectors.mock_idps.keys import ProviderKey
from connectors.mock_idps.native import NATIVE, create_app_of
from connectors.mock_idps.people import load_people
from connectors.mock_idps.server import MockProvider
from connectors.mock_idps.settings import MockSettings
from connectors.mock_idps.state import Registered
from tests.support.ctid_pages import settings_table
from tests.support.iamsmart_keys import iamsmart_keys

CLIENT_ID: Final = "tongguan"


@dataclass(frozen=True)
class Place:
    """Where a mock is and what it knows of its one client. `home`: a folder of its own, for files of both sides."""

    name: str
    url: str
    secret: str
    home: Path


@dataclass(frozen=True)
class Setup:
    """`table`: the broker's `[providers.NAME]`; `options`: the mock's `--option`."""

    table: Mapping[str, Any]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mock:
    """`set_up(place, at)` lays out what both sides need; `ready`: a path that answers 200 once the mock serves."""

    set_up: Callable[[Place, datetime], Setup]
    ready: str = "/style.css"


def _oidc(place: Place, _: datetime) -> Setup:
    return Setup({"issuer": place.url, "client_id": CLIENT_ID, "client_secret": place.secret})


def _ctid(place: Place, at: datetime) -> Setup:
    MockKeys.load(place.home, at=at)
    return Setup(settings_table(place.url, place.home, client_id=CLIENT_ID), {"keys": str(place.home)})


def _iamsmart(place: Place, _: datetime) -> Setup:
    copytree(iamsmart_keys(), place.home, dirs_exist_ok=True)
    table = {
        "issuer": place.url,
        "client_id": CLIENT_ID,
        "client_secret": place.secret,
        "private_key": str(place.home / SERVICE_KEY),
        "signing_anchors": str(place.home / AUTHORITY),
        "portrait": "synthetic_field",
    }
    return Setup(table, {"keys": str(place.home)})


MOCKS: Final[Mapping[str, Mock]] = {
    "ctid": Mock(_ctid),
    "iamsmart": Mock(_iamsmart),
    "macau": Mock(_oidc, "/.well-known/openid-configuration"),
}


def callbacks(broker: str, name: str) -> tuple[frozenset[str], str]:
    """Where a mock may send browsers, and where its notices go."""
    return (
        frozenset({f"{broker}/login/{name}/callback", f"{broker}/approvals/{name}/callback"}),
        f"{broker}/providers/{name}/callback",
    )


@cache
def provider_key(name: str) -> ProviderKey:
    """One key a provider for the whole run: making an RSA key takes longer than most tests."""
    return ProviderKey.generate(DIALECTS[name].algorithm)


def mounted(place: Place, *, broker: str, portraits: Path, now: Callable[[], float]) -> tuple[Starlette, Setup]:
    """The mock in this process, and the settings that fit it."""
    setup = MOCKS[place.name].set_up(place, datetime.fromtimestamp(now(), UTC))
    redirect_uris, callback_url = callbacks(broker, place.name)
    people = load_people(place.name, portraits=portraits)
    if place.name in NATIVE:
        settings = MockSettings(
            issuer=place.url,
            client_id=CLIENT_ID,
            client_secret=place.secret,
            redirect_uris=redirect_uris,
            callback_url=callback_url,
            options=setup.options,
            now=now,
        )
        return create_app_of(place.name)(settings, people), setup
    provider = MockProvider(
        DIALECTS[place.name],
        issuer=place.url,
        people=people,
        client=Registered(CLIENT_ID, place.secret, redirect_uris),
        key=provider_key(place.name),
        now=now,
    )
    return provider.app(), setup
