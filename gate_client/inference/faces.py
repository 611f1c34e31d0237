"""What a detector returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(height, width, 3), BGR as OpenCV reads it."""


@dataclass(frozen=True, eq=False)
class Face:
    """A detected face in the pixels of the frame that was given.

    box: x, y, width, height. score: 0 to 1. landmarks: (5,2) as seen in the image: left eye, right eye, nose tip,
    left and right mouth corner (left is the image's left).
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float32]

    @property
    def inter_eye(self) -> float:
        """Distance between the eye centres, px."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))


class Detector(Protocol):
    def detect(self, image: Image) -> list[Face]:
        """Every face found, the largest first."""
