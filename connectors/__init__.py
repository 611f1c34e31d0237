"""Identity providers behind one port (`broker.wire.identity_connector.IdentityConnector`): one adapter a kind, any
number of providers by configuration, and the mock servers they are developed against.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from broker.wire.identity_connector import IdentityConnector
from connectors.adapter import Adapter, AdapterSettings, Surroundings
from connectors.ctid import CtidConnector, CtidSettings
from connectors.generic_oidc import GenericConnector, GenericSettings
from connectors.iamsmart import IamSmartConnector, IamSmartSettings
from connectors.macau import MacauConnector, MacauSettings
from connectors.resilience.guard import Health

ADAPTERS: Final[Mapping[str, Adapter]] = {
    "ctid": Adapter(CtidSettings, CtidConnector),
    "iamsmart": Adapter(IamSmartSettings, IamSmartConnector),
    "macau": Adapter(MacauSettings, MacauConnector),
    "oidc": Adapter(GenericSettings, GenericConnector),
}


def read_settings(kind: str, table: Mapping[str, Any]) -> AdapterSettings:
    """The settings of one provider. Raises ValueError for an unknown kind, pydantic.ValidationError for a bad table."""
    return _adapter(kind).settings.model_validate(dict(table))


def build(
    name: str, kind: str, settings: AdapterSettings | Mapping[str, Any], *, http: httpx.Client, home: Path = Path()
) -> IdentityConnector:
    """The provider called `name`, of `kind`. Raises as `read_settings`. `http` carries trust settings and the pool;
    paths in the settings start at `home`.
    """
    return build_watched(name, kind, settings, http=http, home=home).connector


@dataclass(frozen=True)
class Watched:
    """A connector, and how the way to its provider is."""

    connector: IdentityConnector
    health: Callable[[], Health]


def build_watched(
    name: str, kind: str, settings: AdapterSettings | Mapping[str, Any], *, http: httpx.Client, home: Path = Path()
) -> Watched:
    """As `build`."""
    known = settings if isinstance(settings, AdapterSettings) else read_settings(kind, settings)
    fetch = known.fetcher(name, http)
    return Watched(_adapter(kind).build(name, known, Surroundings(fetch, home)), fetch.health)


def _adapter(kind: str) -> Adapter:
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        raise ValueError(f"unknown kind of identity provider {kind!r}: one of {', '.join(ADAPTERS)}")
    return adapter
