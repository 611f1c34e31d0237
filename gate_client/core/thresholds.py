"""Comparison thresholds and fusion weights: one versioned, calibrated file, for neither means anything alone."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any


class ThresholdsError(ValueError):
    """The file is not usable; the message says why."""


@dataclass(frozen=True)
class Level:
    """A threshold for one false match rate, and the share of mated pairs it accepted, each with its 95 % interval."""

    fmr: float
    threshold: float
    interval: tuple[float, float]
    tar: float
    tar_interval: tuple[float, float]


@dataclass(frozen=True)
class EmbedderSet:
    """One embedder, or several fused: score = sum of weight x cosine. Accept when score >= threshold."""

    weights: Mapping[str, float]
    levels: tuple[Level, ...]
    models: Mapping[str, str]
    """SHA-256 of the model files these thresholds were calibrated with."""

    def level(self, fmr: float) -> Level:
        for level in self.levels:
            if level.fmr == fmr:
                return level
        raise ThresholdsError(f"no threshold was calibrated for FMR {fmr:g}")


@dataclass(frozen=True)
class Thresholds:
    version: int
    calibrated_on: str
    operating_fmr: float
    sets: Mapping[str, EmbedderSet]
    hash: str
    """SHA-256 of the file, hex: what a decision journals."""

    @staticmethod
    def load(path: Path | None = None) -> Thresholds:
        """The shipped calibration, or another file of the same form. Raises ThresholdsError."""
        return _shipped() if path is None else parse(path.read_bytes())

    def at(self, embedder_set: str, fmr: float | None = None) -> float:
        """The threshold of a set at a false match rate, by default the operating point. Raises ThresholdsError."""
        return self.find(embedder_set).level(self.operating_fmr if fmr is None else fmr).threshold

    def find(self, embedder_set: str) -> EmbedderSet:
        try:
            return self.sets[embedder_set]
        except KeyError:
            raise ThresholdsError(f"no thresholds for {embedder_set!r}: run `tongguan models calibrate`") from None


@cache
def _shipped() -> Thresholds:
    return parse(resources.files("gate_client.data").joinpath("thresholds.toml").read_bytes())


def parse(raw: bytes) -> Thresholds:
    """Thresholds from TOML. Fails closed: no set, no level or a weightless embedder is an error."""
    try:
        tables = tomllib.loads(raw.decode("utf-8"))
        sets = {name: _read_set(entry) for name, entry in tables["sets"].items()}
        thresholds = Thresholds(
            version=int(tables["version"]),
            calibrated_on=str(tables["calibrated_on"]),
            operating_fmr=float(tables["operating_fmr"]),
            sets=sets,
            hash=hashlib.sha256(raw).hexdigest(),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ThresholdsError(f"not a thresholds file: {error!r}") from error
    if not sets:
        raise ThresholdsError("no embedder set is calibrated")
    for name, entry in sets.items():
        if set(entry.weights) != set(name.split("+")) or min(entry.weights.values()) <= 0:
            raise ThresholdsError(f"{name}: every embedder of the set needs a positive weight")
        entry.level(thresholds.operating_fmr)
    return thresholds


def _read_set(entry: dict[str, Any]) -> EmbedderSet:
    return EmbedderSet(
        weights={key: float(value) for key, value in entry["weights"].items()},
        levels=tuple(
            Level(
                fmr=float(level["fmr"]),
                threshold=float(level["threshold"]),
                interval=_pair(level["interval"]),
                tar=float(level["tar"]),
                tar_interval=_pair(level["tar_interval"]),
            )
            for level in entry["levels"]
        ),
        models={str(name): str(sha256) for name, sha256 in entry["models"].items()},
    )


def _pair(values: list[float]) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)
