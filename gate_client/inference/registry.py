"""`models.toml`: which models exist, where they come from, and how their inputs and outputs are to be read."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$")]
Point = tuple[float, float]
Landmarks = tuple[Point, Point, Point, Point, Point]
Triple = tuple[float, float, float]

OPERATOR_FILE = "models.toml"


class RegistryError(ValueError):
    """A registry file is wrong; the message says which field and why."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Entry):
    """A package archive, fetched with the registry's ordinary client and admitted by its hash alone."""

    registry: Literal["pypi", "npm"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+-]*$")]
    archive: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    sha256: Sha256
    licence: str


class ModelFile(_Entry):
    """One ONNX file. With a source it is built; without one the operator puts it into the model directory."""

    sha256: Sha256
    source: str | None = None
    member: str | None = None
    member_sha256: Sha256 | None = None
    converter: Literal["mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet", "dlib-resnet", "tflite", "copy"] | None = None

    @model_validator(mode="after")
    def _built_or_given(self) -> Self:
        recipe = (self.source, self.member, self.member_sha256, self.converter)
        if any(recipe) and not all(recipe):
            raise ValueError("source, member, member_sha256 and converter go together")
        return self


class MtcnnSpec(_Entry):
    kind: Literal["mtcnn"]
    files: tuple[FileName, FileName, FileName]
    licence: str
    licence_clean: bool
    long_side: Annotated[int, Field(ge=160, le=4096)] = 1280
    min_face: Annotated[int, Field(ge=20, le=1000)] = 48
    thresholds: Triple = (0.6, 0.7, 0.8)
    scale_step: Annotated[float, Field(gt=0.4, lt=0.95)] = 0.709


class YunetSpec(_Entry):
    """The YuNet family as OpenCV's model zoo publishes it (cls, obj, bbox, kps at strides 8, 16, 32)."""

    kind: Literal["yunet"]
    file: FileName
    licence: str
    licence_clean: bool
    long_side: Annotated[int, Field(ge=160, le=4096)] = 640
    min_face: Annotated[int, Field(ge=10, le=1000)] = 30
    score: Annotated[float, Field(gt=0, lt=1)] = 0.7
    overlap: Annotated[float, Field(gt=0, lt=1)] = 0.3

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file,)


DetectorSpec = Annotated[MtcnnSpec | YunetSpec, Field(discriminator="kind")]


class EmbedderSpec(_Entry):
    """A network from an aligned face to a vector. `landmarks`: where the five points land in the square crop, px.

    Input value = (pixel - mean) / std per channel, in the order of `colour`. The output is scaled to unit length here.
    """

    file: FileName
    licence: str
    licence_clean: bool
    dimension: Annotated[int, Field(ge=16, le=4096)]
    side: Annotated[int, Field(ge=32, le=512)]
    layout: Literal["nchw", "nhwc"]
    colour: Literal["rgb", "bgr"]
    mean: Triple
    std: Triple
    landmarks: Landmarks
    flip_average: bool = False
    input: str | None = None
    output: str | None = None


class Default(_Entry):
    detector: str
    embedders: tuple[str, ...]


class Fusion(_Entry):
    weights: dict[str, float]


class Registry(_Entry):
    version: Literal[1]
    default: Default
    fusion: dict[str, Fusion] = {}
    sources: dict[str, Source] = {}
    files: dict[str, ModelFile] = {}
    detectors: dict[str, DetectorSpec] = {}
    embedders: dict[str, EmbedderSpec] = {}

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        if self.default.detector not in self.detectors:
            raise ValueError(f"default detector {self.default.detector!r} is not described")
        unknown = [name for name in self.default.embedders if name not in self.embedders]
        if unknown or not self.default.embedders:
            raise ValueError(f"default embedders {unknown} are not described")
        needed = {name for spec in self.detectors.values() for name in spec.files}
        needed |= {spec.file for spec in self.embedders.values()}
        if missing := sorted(needed - set(self.files)):
            raise ValueError(f"files without a hash: {missing}")
        if missing := sorted({f.source for f in self.files.values() if f.source} - set(self.sources)):
            raise ValueError(f"unknown sources: {missing}")
        return self

    def chosen_embedders(self, *, licence_clean: bool) -> tuple[str, ...]:
        """The default embedders, or those of them whose licence and origin are documented. Never empty."""
        chosen = tuple(n for n in self.default.embedders if not licence_clean or self.embedders[n].licence_clean)
        if not chosen:
            raise RegistryError("no licence-clean embedder among the defaults")
        return chosen

    def chosen_detector(self, *, licence_clean: bool) -> DetectorSpec:
        spec = self.detectors[self.default.detector]
        if licence_clean and not spec.licence_clean:
            raise RegistryError(f"detector {self.default.detector!r} is not licence-clean")
        return spec

    def needed_files(self, *, licence_clean: bool) -> tuple[str, ...]:
        """The files that an operator needs: all, or those of the default detector and embedders that remain."""
        if not licence_clean:
            return tuple(self.files)
        specs = [self.embedders[name] for name in self.chosen_embedders(licence_clean=True)]
        return (*self.chosen_detector(licence_clean=True).files, *(spec.file for spec in specs))


def set_id(embedders: tuple[str, ...]) -> str:
    """The name of a set of embedders, as thresholds and crossings use it."""
    return "+".join(embedders)


def shipped_registry() -> str:
    """The text of the registry that comes with the package."""
    return resources.files("gate_client.data").joinpath("models.toml").read_text(encoding="utf-8")


def load_registry(model_dir: Path | None = None) -> Registry:
    """The shipped registry, extended by `models.toml` in the model directory if there is one. Raises RegistryError."""
    tables = tomllib.loads(shipped_registry())
    operator = model_dir / OPERATOR_FILE if model_dir else None
    if operator is not None and operator.is_file():
        try:
            tables = _extend(tables, tomllib.loads(operator.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RegistryError(f"{operator}: {error}") from error
    try:
        return Registry.model_validate(tables)
    except ValidationError as error:
        raise RegistryError(f"{operator or 'shipped models.toml'}: {error}") from error


def _extend(shipped: dict[str, object], added: dict[str, object]) -> dict[str, object]:
    """The operator's entries replace shipped ones of the same name; everything else stays."""
    merged = dict(shipped)
    for key, value in added.items():
        ours = merged.get(key)
        merged[key] = {**ours, **value} if isinstance(ours, dict) and isinstance(value, dict) else value
    return merged
