"""What the demonstration shows: scenes made of timed steps, pictures and one verdict each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter


@dataclass(frozen=True)
class Picture:
    """An image for the report: `data` is a whole PNG or JPEG file."""

    caption: str
    data: bytes
    media_type: str = "image/png"


@dataclass(frozen=True)
class Step:
    """One thing that happened; `started` and `seconds` are measured from the start of the demonstration."""

    name: str
    started: float
    seconds: float
    detail: str = ""


@dataclass
class Scene:
    """A story with an expectation: it holds only when what was observed equals what was expected."""

    title: str
    story: str
    expected: str
    observed: str = ""
    score: float | None = None
    threshold: float | None = None
    steps: list[Step] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    gate_timings: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.observed == self.expected

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


class Timeline:
    """Collects scenes on one clock."""

    def __init__(self) -> None:
        self._zero = perf_counter()
        self.scenes: list[Scene] = []
        self.told: Callable[[str], None] = lambda text: None

    def scene(self, title: str, *, story: str, expected: str) -> Scene:
        scene = Scene(title, story, expected)
        self.scenes.append(scene)
        return scene

    @contextmanager
    def step(self, scene: Scene, name: str, detail: str = "") -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            step = Step(name, started - self._zero, perf_counter() - started, detail)
            scene.steps.append(step)
            self.told(f"{step.seconds:6.2f} s  {scene.title}: {name}")

    @property
    def holds(self) -> bool:
        return bool(self.scenes) and all(scene.holds for scene in self.scenes)
