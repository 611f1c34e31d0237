"""The mocks: `create_app(settings, people)` of each provider's, imported when it is run."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from starlette.applications import Starlette

from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings

CreateApp = Callable[[MockSettings, Mapping[str, Person]], Starlette]

NATIVE: Final[Mapping[str, str]] = {
    "ctid": "connectors.mock_idps.ctid.server",
    "iamsmart": "connectors.mock_idps.iamsmart.server",
    "macau": "connectors.mock_idps.macau.server",
}
"""Provider -> module with its `create_app`."""


def create_app_of(provider: str) -> CreateApp:
    """Raises KeyError for a provider without a mock."""
    create_app: CreateApp = import_module(NATIVE[provider]).create_app
    return create_app
