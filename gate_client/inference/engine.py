"""The face engine of a gate: frame in, one good face with its embeddings out, or a named refusal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from broker.wire.reasons import Reason
from gate_client.core.quality import QualityReport, QualityRules, judge, load_rules
from gate_client.core.thresholds import Thresholds
from gate_client.inference.detectors import open_detector
from gate_client.inference.embedder import Embedder
from gate_client.inference.faces import Detector, Face, Image
from gate_client.inference.measure import measure
from gate_client.inference.registry import load_registry, set_id

Embedding = NDArray[np.float32]
T = TypeVar("T")


def default_model_dir() -> Path:
    """`TONGGUAN_MODELS`, or the user's cache directory."""
    if chosen := os.environ.get("TONGGUAN_MODELS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "tongguan" / "models"


def load_thresholds(model_dir: Path) -> Thresholds:
    """The operator's own calibration, `thresholds.toml` in the model directory, or the shipped one."""
    own = model_dir / "thresholds.toml"
    return Thresholds.load(own if own.is_file() else None)


class CaptureRefused(Exception):
    """This frame gives no face to compare. `quality` is set when the reason is POOR_QUALITY."""

    def __init__(self, reason: Reason, detail: str, quality: QualityReport | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.quality = quality


@dataclass(frozen=True, eq=False)
class Capture:
    """aligned: (side, side, 3) BGR, the first embedder's crop. embeddings: unit vectors by embedder, in engine order.
    timings: milliseconds by stage."""

    face: Face
    aligned: Image
    quality: QualityReport
    embeddings: dict[str, Embedding]
    timings: dict[str, float] = field(default_factory=dict)


class FaceEngine:
    """Detector and embedders of one registry, loaded once. Not thread-safe: one engine per lane."""

    def __init__(
        self,
        detector: Detector,
        embedders: Mapping[str, Embedder],
        rules: QualityRules,
        *,
        model_dir: Path,
        model_hashes: dict[str, str],
        settings: str,
    ) -> None:
        self._detector = detector
        self._embedders = dict(embedders)
        self._rules = rules
        self._model_dir = model_dir
        self.model_hashes = model_hashes
        self.settings = settings
        """The registry entries in force, as text: with the hashes, all that an embedding depends on."""

    @classmethod
    def load(cls, model_dir: Path | None = None, *, licence_clean: bool = False, threads: int = 1) -> FaceEngine:
        """Open the registry's default detector and embedders. Raises ModelsMissing or RegistryError.

        licence_clean: only models whose licence and origin are documented.
        """
        model_dir = model_dir or default_model_dir()
        registry = load_registry(model_dir)
        spec = registry.chosen_detector(licence_clean=licence_clean)
        names = registry.chosen_embedders(licence_clean=licence_clean)
        embedders = {n: Embedder(n, registry.embedders[n], model_dir, registry, threads=threads) for n in names}
        files = [*spec.files, *(registry.embedders[name].file for name in names)]
        engine = cls(
            open_detector(spec, model_dir, registry, threads=threads),
            embedders,
            load_rules(),
            model_dir=model_dir,
            model_hashes={name: registry.files[name].sha256 for name in files},
            settings=repr((spec, [registry.embedders[name] for name in names])),
        )
        engine._warm_up()
        return engine

    def _warm_up(self) -> None:
        """The first frame pays for lazy initialisation in every library: let it be a grey one, not a traveller's."""
        frame = np.full((240, 320, 3), 127, np.uint8)
        landmarks = np.array([[140, 100], [180, 100], [160, 120], [145, 145], [175, 145]], np.float32)
        self.analyse(frame)
        measure(frame, face := Face((120, 70, 80, 100), 1.0, landmarks))
        self.embed(frame, face)

    @property
    def embedders(self) -> tuple[str, ...]:
        """The ids of the embedders, in the order of template parts and seeds."""
        return tuple(self._embedders)

    @property
    def embedder_set(self) -> str:
        """The id under which this set of embedders has thresholds."""
        return set_id(self.embedders)

    @cached_property
    def thresholds(self) -> Thresholds:
        """The thresholds in force for these models. Raises ThresholdsError."""
        return load_thresholds(self._model_dir)

    @property
    def dimensions(self) -> dict[str, int]:
        """The length of each embedder's vector."""
        return {name: embedder.spec.dimension for name, embedder in self._embedders.items()}

    def analyse(self, image: Image) -> list[Face]:
        """Every face in a frame (height, width, 3) BGR, the largest first."""
        return self._detector.detect(image)

    def capture(self, image: Image, *, profile: str = "capture") -> Capture:
        """The one face of a frame, judged by a profile of quality.toml, and its embeddings.

        Raises CaptureRefused: NO_FACE, SEVERAL_FACES or POOR_QUALITY.
        """
        clock = _Stopwatch()
        faces = clock.time("detect", partial(self.analyse, image))
        if not faces:
            raise CaptureRefused(Reason.NO_FACE, "no face in the frame")
        face = faces[0]
        if count := sum(self._comparable(face, other) for other in faces[1:]):
            raise CaptureRefused(Reason.SEVERAL_FACES, f"{count + 1} faces of comparable size")
        quality = clock.time("quality", partial(self.judge, image, face, profile=profile))
        if not quality.acceptable:
            raise CaptureRefused(Reason.POOR_QUALITY, ", ".join(quality.failures), quality)
        aligned, embeddings = self._embed(image, face, clock)
        return Capture(face, aligned, quality, embeddings, clock.spent)

    def embed(self, image: Image, face: Face) -> dict[str, Embedding]:
        """Embeddings of a face without any judgement of it: for measuring error rates, never for a decision."""
        return self._embed(image, face, _Stopwatch())[1]

    def judge(self, image: Image, face: Face, *, profile: str = "capture") -> QualityReport:
        """The quality of a face by a profile of quality.toml. Raises CaptureRefused where its landmarks coincide."""
        try:
            return judge(measure(image, face), self._rules.profiles[profile])
        except ValueError as error:
            raise CaptureRefused(Reason.NO_FACE, str(error)) from error

    def _embed(self, image: Image, face: Face, clock: _Stopwatch) -> tuple[Image, dict[str, Embedding]]:
        crops: dict[str, Image] = {}
        embeddings: dict[str, Embedding] = {}
        for name, embedder in self._embedders.items():
            crops[name] = clock.time("align", partial(embedder.align, image, face.landmarks))
            embeddings[name] = clock.time(f"embed {name}", partial(embedder.embed, crops[name]))
        return crops[self.embedders[0]], embeddings

    def _comparable(self, largest: Face, other: Face) -> bool:
        rule = self._rules.several
        return other.score >= rule.score and _side(other) >= rule.relative_side * _side(largest)


def _side(face: Face) -> float:
    return float(np.sqrt(max(0.0, face.box[2]) * max(0.0, face.box[3])))


class _Stopwatch:
    """Milliseconds by stage; a stage timed twice adds up."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], T]) -> T:
        began = perf_counter()
        result = work()
        self.spent[stage] = self.spent.get(stage, 0.0) + (perf_counter() - began) * 1000
        return result
