"""What an adapter is made from: its own settings, and what the broker lends it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from broker.wire.identity_connector import IdentityConnector
from connectors.fetch import Fetcher, Timeouts
from connectors.resilience.breaker import BreakerPolicy
from connectors.resilience.guard import Guard, Limits


class AdapterSettings(BaseModel):
    """The table `[providers.NAME]` of one kind, `kind` itself apart. Each adapter has its own model over these."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Seconds to connect, for each read, and for a whole exchange.
    connect_timeout: Annotated[float, Field(gt=0, le=60)] = 2.0
    read_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    exchange_timeout: Annotated[float, Field(gt=0, le=60)] = 10.0
    # How many calls of a worker process to this provider may run at a time; as many more wait a second for a place.
    places: Annotated[int, Field(ge=1, le=400)] = 8
    # Failures in a row after which it is left alone, and the first pause in seconds.
    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    pause: Annotated[float, Field(gt=0, le=600)] = 10.0

    def fetcher(self, name: str, http: httpx.Client) -> Fetcher:
        """HTTP towards this provider, with its own guard."""
        timeouts = Timeouts(self.connect_timeout, self.read_timeout, self.exchange_timeout)
        policy = BreakerPolicy(threshold=self.failures, pause=self.pause)
        return Fetcher(name, http, timeouts, Guard(Limits(self.places, breaker=policy)))


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
