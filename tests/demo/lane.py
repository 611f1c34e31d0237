"""One presentation at the gate, told as a scene: the code as a picture, the face as a photograph, the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.demo import pictures
from tests.demo.scene import Scene, Timeline
from tests.support.camera import camera_frame
from tests.support.stage import GateProcess

Outcome = dict[str, Any]


def verdict(outcome: Outcome) -> str:
    """`opened`, or the decision with every reason: what a scene's expectation is compared with, to the letter."""
    if outcome["opened"]:
        return "opened"
    return f"{outcome['decision']}: {', '.join(outcome['reasons'])}"


@dataclass
class Lane:
    """A running gate and the folder in which the frames for its cameras are laid."""

    gate: GateProcess
    frames: Path
    timeline: Timeline

    def __post_init__(self) -> None:
        self._number = count(1)

    def present(
        self,
        scene: Scene,
        text: str,
        face: Path,
        *,
        network: str = "up",
        step: str = "at the gate",
        too_close: bool = False,
    ) -> Outcome:
        """Hold up `text` as a code and stand there with `face`; the outcome becomes part of the scene.

        `too_close`: the photograph fills the frame and the frame cuts it, as for somebody who leans into the camera.
        """
        name = f"{next(self._number):03d}"
        code = pictures.save(pictures.phone_frame(text), self.frames / f"{name}-code.png")
        seen = face if too_close else pictures.save(camera_frame(face), self.frames / f"{name}-face.png")
        with self.timeline.step(scene, step):
            outcome = self.gate.present(code, [seen], network=network)
        self.tell(scene, outcome, code, seen)
        return outcome

    def tell(self, scene: Scene, outcome: Outcome, code: Path, face: Path) -> None:
        """Add the outcome, its figures and its pictures to the scene."""
        scene.observed = verdict(outcome)
        scene.score, scene.threshold = outcome.get("score"), outcome.get("threshold")
        scene.gate_timings = dict(outcome.get("timings", {}))
        scene.pictures.append(pictures.picture("what the code camera saw", code))
        looked = "detect" in scene.gate_timings
        scene.pictures.append(pictures.detected(face) if looked else pictures.picture("the face, not looked at", face))
        for name, path in outcome["evidence"].items():
            if name.startswith("aligned"):
                scene.pictures.append(pictures.picture("aligned for comparison", Path(path)))
