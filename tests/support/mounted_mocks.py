"""The mock providers of a world in one process, each made when somebody first needs it: most tests meet none."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

import connectors
from broker.wire.identity_connector import IdentityConnector
from connectors.mock_idps.people import load_people
from tests.support.mock_providers import MOCKS, Place, mounted

# The smallest thing that starts like a JPEG file; no test of these looks at the picture.
PHOTO = b"\xff\xd8\xff\xe0" + b"synthetic photograph of "


@dataclass
class MountedMocks(Mapping[str, IdentityConnector]):
    """The adapters by provider name. `portraits` is filled with a synthetic photograph for each person; `http` reaches
    the mocks.
    """

    broker: str
    portraits: Path
    now: Callable[[], float]
    http: httpx.Client
    _applications: dict[str, Any] = field(default_factory=dict)
    _adapters: dict[str, IdentityConnector] = field(default_factory=dict)

    def application(self, host: str) -> Any | None:
        """The mock provider at that host name; None where there is none."""
        name = host.removesuffix(".test")
        if not host.endswith(".test") or name not in MOCKS:
            return None
        self[name]
        return self._applications[name]

    def __getitem__(self, name: str) -> IdentityConnector:
        if name not in self._adapters:
            if name not in MOCKS:
                raise KeyError(name)
            self._adapters[name] = self._made(name)
        return self._adapters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MOCKS)

    def __len__(self) -> int:
        return len(MOCKS)

    def _made(self, name: str) -> IdentityConnector:
        for person in load_people(name, portraits=self.portraits):
            (self.portraits / f"{person}.jpg").write_bytes(PHOTO + person.encode())
        place = Place(name, f"http://{name}.test", f"secret-of-{name}", self.portraits / "setup" / name)
        application, setup = mounted(place, broker=self.broker, portraits=self.portraits, now=self.now)
        self._applications[name] = application
        return connectors.build(name, name, setup.table, http=self.http)
