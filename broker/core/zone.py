"""Border zones and the controllers behind them: data with a version (data/zones.toml), not code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

from broker.core.denial import InvalidInput

LANGUAGES = ("zh-Hant", "zh-Hans", "en", "pt")
BROKER = "tongguan"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who decides about the data: id, exporter kind (company, state_organ), contact, and name by language."""

    controller_id: str
    kind: str
    contact: str
    name: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Zone:
    """One side of one port. `zone_id` is the audience of a pass and the recipient of a consent."""

    zone_id: str
    jurisdiction: str
    controller: Controller
    name: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Zones:
    """All zones of this broker, and the broker itself as a controller."""

    version: str
    zones: Mapping[str, Zone]
    broker: Controller

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError when a name lacks a language or a controller is
        missing.
        """
        source = text or (resources.files("broker.core") / "data" / "zones.toml").read_text(encoding="utf-8")
        data = tomllib.loads(source)
        controllers = {
            key: Controller(key, str(entry["kind"]), str(entry["contact"]), in_every_language(entry["name"], key))
            for key, entry in data["controllers"].items()
        }
        zones = {entry["id"]: _zone(entry, controllers) for entry in data["zones"]}
        if not zones or BROKER not in controllers:
            raise ValueError("zones.toml names no zone, or not the broker as a controller")
        return cls(version=str(data["version"]), zones=zones, broker=controllers[BROKER])

    def zone(self, zone_id: str) -> Zone:
        """The zone of that id; raises InvalidInput for any other text."""
        try:
            return self.zones[zone_id]
        except KeyError:
            raise InvalidInput("unknown_zone", f"no zone is called {zone_id[:32]!r}") from None


def in_every_language(texts: Mapping[str, str], owner: str) -> Mapping[str, str]:
    """`texts` unchanged; raises ValueError unless each of the four languages has one."""
    missing = [language for language in LANGUAGES if not texts.get(language)]
    if missing:
        raise ValueError(f"{owner} has no text in {', '.join(missing)}")
    return texts


def _zone(entry: Mapping[str, Any], controllers: Mapping[str, Controller]) -> Zone:
    name = str(entry["id"])
    controller = controllers.get(entry["controller"])
    if controller is None:
        raise ValueError(f"zone {name} names an unknown controller {entry['controller']!r}")
    return Zone(name, str(entry["jurisdiction"]), controller, in_every_language(entry["name"], name))
