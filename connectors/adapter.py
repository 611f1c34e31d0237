"""What an adapter is made from: its own settings, and what the broker lends it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from broker.wire.identity_connector import IdentityConnector
from connectors.fetch import Fetcher


class AdapterSettings(BaseModel):
    """The table `[providers.NAME]` of one kind, `kind` itself apart. Each adapter has its own model."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class OidcSettings(AdapterSettings):
    """Where an OpenID provider is and as whom the broker is registered there."""

    issuer: Annotated[str, AfterValidator(lambda issuer: issuer.rstrip("/"))]
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True)
class Surroundings:
    """`fetch`: HTTP towards this provider alone. `home`: where relative paths of the settings start."""

    fetch: Fetcher
    home: Path


@dataclass(frozen=True)
class Adapter:
    """One kind of provider. `build(name, settings, surroundings)`: `name` is the provider's short name here."""

    settings: type[AdapterSettings]
    build: Callable[[str, Any, Surroundings], IdentityConnector]
