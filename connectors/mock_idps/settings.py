"""What a mock provider is started with, whatever its dialect."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.mock_idps.faults import FaultSwitch


@dataclass(frozen=True)
class MockSettings:
    """`issuer`: the public origin, no trailing slash. `options`: what the dialect alone needs (`--option name=value`).
    `callback_url`: where notices from server to server go; `trusted_ca`: a PEM file to believe there.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: frozenset[str]
    callback_url: str | None = None
    trusted_ca: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    switch: FaultSwitch = field(default_factory=FaultSwitch)
    now: Callable[[], float] = time.time
