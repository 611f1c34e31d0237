"""MTCNN face detection (Zhang et al., IEEE SPL 23(10), 2016): proposals over a pyramid, refinement, landmarks.

The pyramid starts at the smallest face a lane cares about, so most of the usual work on tiny faces is never done.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gate_client.inference.boxes import Boxes, keep_best, squared
from gate_client.inference.faces import Face, Image
from gate_client.inference.registry import MtcnnSpec, Registry
from gate_client.inference.sessions import open_session, read_pinned

CELL, STRIDE = 12, 2
MAX_PROPOSALS = 256
"""More candidates than any frame of faces gives: noise cannot make the later stages slow."""

Float32 = NDArray[np.float32]


class Mtcnn:
    """Three networks and the thresholds of their stages."""

    def __init__(self, spec: MtcnnSpec, model_dir: Path, registry: Registry, *, threads: int) -> None:
        self.spec = spec
        self._pnet, self._rnet, self._onet = (
            open_session(read_pinned(model_dir, name, registry), threads=threads) for name in spec.files
        )

    def detect(self, image: Image) -> list[Face]:
        """Every face of at least `min_face` px (in the frame reduced to `long_side`), the largest first."""
        frame, scale = reduce(image, self.spec.long_side)
        boxes, _ = self._propose(frame)
        if len(boxes):
            boxes, _ = self._refine(frame, boxes)
        if not len(boxes):
            return []
        boxes, scores, landmarks = self._locate(frame, boxes)
        faces = [
            Face(
                box=(float(x1) / scale, float(y1) / scale, float(x2 - x1) / scale, float(y2 - y1) / scale),
                score=float(score),
                landmarks=(points / scale).astype(np.float32),
            )
            for (x1, y1, x2, y2), score, points in zip(boxes, scores, landmarks, strict=True)
        ]
        return sorted(faces, key=lambda face: -face.box[2] * face.box[3])

    def _propose(self, frame: Image) -> tuple[Boxes, Float32]:
        """Stage 1: the sliding 12 px cell over a pyramid of the frame."""
        found: list[tuple[Boxes, Float32]] = []
        height, width = frame.shape[:2]
        scale = CELL / self.spec.min_face
        level = frame
        while min(height, width) * scale >= CELL:
            size = (round(width * scale), round(height * scale))
            level = cv2.resize(level, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            probability, offsets = self._pnet.run(["probability", "offsets"], {"input": _prepare(level[None])})
            found.append(_cells(probability[0, 1], offsets[0], self.spec.thresholds[0], size, (width, height)))
            scale *= self.spec.scale_step
        boxes = np.concatenate([b for b, _ in found] or [np.empty((0, 4), np.float32)])
        scores = np.concatenate([s for _, s in found] or [np.empty(0, np.float32)])
        kept = keep_best(boxes, scores, 0.7)[:MAX_PROPOSALS]
        return squared(boxes[kept]), scores[kept]

    def _refine(self, frame: Image, boxes: Boxes) -> tuple[Boxes, Float32]:
        """Stage 2: throw out what is no face and correct the boxes."""
        probability, offsets = self._rnet.run(["probability", "offsets"], {"input": _patches(frame, boxes, 24)})
        boxes, scores, _ = _corrected(boxes, probability, offsets, self.spec.thresholds[1])
        kept = keep_best(boxes, scores, 0.7)
        return squared(boxes[kept]), scores[kept]

    def _locate(self, frame: Image, boxes: Boxes) -> tuple[Boxes, Float32, Float32]:
        """Stage 3: the final box, score and five landmarks (n,5,2) of each face."""
        names = ["probability", "offsets", "landmarks"]
        probability, offsets, points = self._onet.run(names, {"input": _patches(frame, boxes, 48)})
        size = boxes[:, 2:] - boxes[:, :2]
        landmarks = np.stack([points[:, :5], points[:, 5:]], axis=2) * size[:, None, :] + boxes[:, None, :2]
        boxes, scores, passed = _corrected(boxes, probability, offsets, self.spec.thresholds[2])
        kept = keep_best(boxes, scores, 0.7, by_smaller=True)
        return boxes[kept], scores[kept], landmarks[passed][kept]


def reduce(image: Image, long_side: int) -> tuple[Image, float]:
    """The image with its longer side at most `long_side`, and the factor (<= 1) it was scaled by."""
    scale = min(1.0, long_side / max(image.shape[:2]))
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False), scale


def _prepare(patches: NDArray[np.uint8]) -> Float32:
    """(N,h,w,3) BGR -> (N,3,h,w) RGB in [-1, 1), as the networks were trained."""
    rgb = patches[..., ::-1].transpose(0, 3, 1, 2)
    return np.ascontiguousarray((rgb.astype(np.float32) - 127.5) / 128.0)


def _cells(
    probability: Float32, offsets: Float32, threshold: float, level: tuple[int, int], frame: tuple[int, int]
) -> tuple[Boxes, Float32]:
    """Boxes in frame pixels of the cells above the threshold, after suppression within the level."""
    rows, columns = np.nonzero(probability > threshold)
    scores = probability[rows, columns]
    corner = np.stack([columns, rows], axis=1).astype(np.float32) * STRIDE + 1
    shift = offsets[:, rows, columns].T * (CELL - 1)
    boxes = np.hstack([corner, corner + CELL - 1]) + shift
    factor = np.array([frame[0] / level[0], frame[1] / level[1]] * 2, np.float32)
    boxes = (boxes * factor).astype(np.float32)
    kept = keep_best(boxes, scores, 0.5)[:MAX_PROPOSALS]
    return boxes[kept], scores[kept]


def _corrected(
    boxes: Boxes, probability: Float32, offsets: Float32, threshold: float
) -> tuple[Boxes, Float32, NDArray[np.intp]]:
    """Boxes above the threshold moved by their offsets (in units of the box), their scores, and which they were."""
    passed = np.flatnonzero(probability[:, 1] > threshold)
    size = boxes[passed, 2:] - boxes[passed, :2]
    return boxes[passed] + offsets[passed] * np.hstack([size, size]), probability[passed, 1], passed


def _patches(frame: Image, boxes: Boxes, side: int) -> Float32:
    """Square crops (N,3,side,side); what lies outside the frame is mid-grey, which the networks see as zero."""
    out = np.empty((len(boxes), side, side, 3), np.uint8)
    for index, (x1, y1, x2, _) in enumerate(boxes):
        out[index] = _crop(frame, float(x1), float(y1), float(x2 - x1), side)
    return _prepare(out)


def _crop(frame: Image, x: float, y: float, size: float, side: int) -> cv2.typing.MatLike:
    height, width = frame.shape[:2]
    left, top = round(x), round(y)
    right, bottom = left + max(1, round(size)), top + max(1, round(size))
    inner: cv2.typing.MatLike = frame[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    margins = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    if any(margins):
        if not inner.size:
            return np.full((side, side, 3), 127, np.uint8)
        inner = cv2.copyMakeBorder(inner, *margins, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    shrinks = inner.shape[0] > side
    return cv2.resize(inner, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
