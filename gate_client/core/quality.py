"""Is this face good enough to compare? Limits are data (`quality.toml`); every failure is named."""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Limits:
    """One profile of `quality.toml`."""

    detection_score: float
    inter_eye: float
    outside: float
    sharpness: float
    brightness: tuple[float, float]
    contrast: float
    yaw: float
    pitch: tuple[float, float]
    roll: float
    covered: float


@dataclass(frozen=True)
class Several:
    """When a second face counts: at least this share of the largest one's side, at least this certain."""

    relative_side: float
    score: float


@dataclass(frozen=True)
class QualityRules:
    profiles: dict[str, Limits]
    several: Several


@dataclass(frozen=True)
class Measures:
    """detection_score 0..1; inter_eye px; outside 0..1; sharpness, brightness, contrast on 0..255 luma; yaw in
    inter-eye distances; pitch 0 (eyes) .. 1 (mouth); roll degrees; mouth_chroma: Lab distance to the nose bridge."""

    detection_score: float
    inter_eye: float
    outside: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    mouth_chroma: float


@dataclass(frozen=True)
class QualityReport:
    measures: Measures
    failures: tuple[str, ...]
    hints: tuple[str, ...]
    """What a traveller may be asked to change ("covered": lower the mask); never a reason by itself."""

    @property
    def acceptable(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a journal or a screen, rounded: three decimals tell nobody apart."""
        return {
            "measures": {name: round(value, 3) for name, value in asdict(self.measures).items()},
            "failures": list(self.failures),
            "hints": list(self.hints),
        }


@cache
def load_rules() -> QualityRules:
    """The shipped limits."""
    return parse_rules(resources.files("gate_client.data").joinpath("quality.toml").read_text(encoding="utf-8"))


def parse_rules(text: str) -> QualityRules:
    """Rules from TOML. Raises TypeError or KeyError where a limit is missing or unknown."""
    tables = tomllib.loads(text)
    profiles: dict[str, Limits] = {}
    for name, table in tables["profiles"].items():
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
        profiles[name] = Limits(**values)
    return QualityRules(profiles=profiles, several=Several(**tables["several"]))


def pose(landmarks: NDArray[np.floating]) -> tuple[float, float, float]:
    """(yaw, pitch, roll) from five landmarks, as `Measures` defines them: two ratios and degrees, a rough pose."""
    points = np.asarray(landmarks, np.float64)
    eyes, nose, mouth = points[:2].mean(axis=0), points[2], points[3:].mean(axis=0)
    across = points[1] - points[0]
    inter_eye = max(float(np.hypot(*across)), 1e-6)
    along = across / inter_eye
    down = np.array([-along[1], along[0]])
    height = float((mouth - eyes) @ down)
    yaw = float((nose - eyes) @ along) / inter_eye
    pitch = float((nose - eyes) @ down) / height if abs(height) > 1e-6 else math.inf
    return yaw, pitch, math.degrees(math.atan2(across[1], across[0]))


def outside_share(box: tuple[float, float, float, float], width: int, height: int) -> float:
    """The share of a box (x, y, width, height) that lies outside the frame."""
    x, y, w, h = box
    inside = max(0.0, min(x + w, width) - max(x, 0.0)) * max(0.0, min(y + h, height) - max(y, 0.0))
    return 1.0 - inside / max(w * h, 1e-6)


def judge(measures: Measures, limits: Limits) -> QualityReport:
    """Every limit that is not met, by name. NaN never passes."""
    checks = {
        "uncertain": measures.detection_score >= limits.detection_score,
        "too_small": measures.inter_eye >= limits.inter_eye,
        "cut_off": measures.outside <= limits.outside,
        "blurred": measures.sharpness >= limits.sharpness,
        "too_dark": measures.brightness >= limits.brightness[0],
        "too_bright": measures.brightness <= limits.brightness[1],
        "flat_light": measures.contrast >= limits.contrast,
        "turned": abs(measures.yaw) <= limits.yaw,
        "tilted_up_or_down": limits.pitch[0] <= measures.pitch <= limits.pitch[1],
        "leaning": abs(measures.roll) <= limits.roll,
    }
    hints = ("covered",) if measures.mouth_chroma > limits.covered else ()
    return QualityReport(measures, tuple(name for name, passed in checks.items() if not passed), hints)
