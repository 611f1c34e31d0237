"""Quality measures of a face, from its landmarks and an aligned crop."""

from __future__ import annotations

import cv2
import numpy as np

from gate_client.core.alignment import similarity
from gate_client.core.quality import Measures, outside_share, pose
from gate_client.inference.faces import Face, Image

SIDE = 112
_POINTS = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]])
_FACE = (slice(30, 104), slice(24, 88))
"""The part of the crop that is face on nearly everybody."""
_BRIDGE = (slice(50, 62), slice(46, 66))
"""The bridge of the nose, which a mask leaves bare."""
_MOUTH = (slice(84, 104), slice(40, 72))


def measure(image: Image, face: Face) -> Measures:
    """All measures of one face. Raises ValueError where the landmarks coincide."""
    matrix = similarity(face.landmarks, _POINTS)
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    luma = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[_FACE]
    yaw, pitch, roll = pose(face.landmarks)
    return Measures(
        detection_score=face.score,
        inter_eye=face.inter_eye,
        outside=outside_share(face.box, image.shape[1], image.shape[0]),
        sharpness=float(cv2.Laplacian(luma, cv2.CV_64F).var()),
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        mouth_chroma=_mouth_chroma(crop),
    )


def _mouth_chroma(crop: cv2.typing.MatLike) -> float:
    """Chroma distance (Lab a, b) between the mouth and the bridge of the nose: skin on skin is small."""
    chroma = cv2.cvtColor(crop, cv2.COLOR_BGR2LAB)[..., 1:].astype(np.float64)
    mouth, bridge = (np.median(chroma[part].reshape(-1, 2), axis=0) for part in (_MOUTH, _BRIDGE))
    return float(np.linalg.norm(mouth - bridge))
