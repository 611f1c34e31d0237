"""What a mock provider and the connector that meets it agree on beforehand, and how each mock is mounted in one process
or started as a process.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any, Final

from starlette.applications import Starlette

from connectors.macau.make_key import make_key, public_set
from connectors.mock_idps.ctid.keys import MockKeys
from connectors.mock_idps.iamsmart.authority import AUTHORITY, SERVICE_KEY
from connectors.mock_idps.native import create_app_of
from connectors.mock_idps.people import load_people
from connectors.mock_idps.settings import MockSettings
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


def _macau(place: Place, _: datetime) -> Setup:
    """A key of our department, and its public half as the bureau has registered it."""
    keys, registered = place.home / "keys", place.home / "registered.jwks"
    make_key(keys)
    registered.write_text(json.dumps(public_set(keys)), encoding="utf-8")
    table = {
        "issuer": place.url,
        "client_id": CLIENT_ID,
        "client_secret": place.secret,
        "department": CLIENT_ID,
        "department_keys": str(keys),
    }
    return Setup(table, {"recipient_keys": str(registered)})


MOCKS: Final[Mapping[str, Mock]] = {
    "ctid": Mock(_ctid),
    "iamsmart": Mock(_iamsmart),
    "macau": Mock(_macau, "/.well-known/openid-configuration"),
}


def callbacks(broker: str, name: str) -> tuple[frozenset[str], str]:
    """Where a mock may send browsers, and where its notices go."""
    return (
        frozenset({f"{broker}/login/{name}/callback", f"{broker}/approvals/{name}/callback"}),
        f"{broker}/providers/{name}/callback",
    )


def mounted(place: Place, *, broker: str, portraits: Path, now: Callable[[], float]) -> tuple[Starlette, Setup]:
    """The mock in this process, and the settings that fit it."""
    setup = MOCKS[place.name].set_up(place, datetime.fromtimestamp(now(), UTC))
    redirect_uris, callback_url = callbacks(broker, place.name)
    people = load_people(place.name, portraits=portraits)
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
