"""Identity providers behind one port (`broker.wire.identity_connector.IdentityConnector`): one adapter each, and the
mock servers they are developed against.
"""

from collections.abc import Callable, Mapping
from typing import Final

import httpx

from broker.wire.identity_connector import IdentityConnector
from connectors.ctid import CtidConnector
from connectors.iamsmart import IamSmartConnector
from connectors.macau import MacauConnector

_ADAPTERS: Final[Mapping[str, Callable[..., IdentityConnector]]] = {
    "ctid": CtidConnector,
    "iamsmart": IamSmartConnector,
    "macau": MacauConnector,
}
PROVIDERS: Final = tuple(_ADAPTERS)


def build(name: str, *, issuer: str, client_id: str, client_secret: str, http: httpx.Client) -> IdentityConnector:
    """The connector called `name`. Raises ValueError for an unknown one. `http` carries trust settings and the pool."""
    adapter = _ADAPTERS.get(name)
    if adapter is None:
        raise ValueError(f"unknown identity provider {name!r}: one of {', '.join(PROVIDERS)}")
    return adapter(issuer=issuer.rstrip("/"), client_id=client_id, client_secret=client_secret, http=http)
