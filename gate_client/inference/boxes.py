"""Arithmetic on arrays of boxes (n,4) as x1, y1, x2, y2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def keep_best(
    boxes: Boxes, scores: NDArray[np.float32], overlap: float, *, by_smaller: bool = False
) -> NDArray[np.intp]:
    """Non-maximum suppression: indices of the boxes kept, best score first.

    A box falls when its overlap with a better one exceeds `overlap`: intersection over union, or over the smaller box.
    """
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        common = np.clip(high - low, 0, None).prod(axis=1)
        whole = np.minimum(area[best], area[rest]) if by_smaller else area[best] + area[rest] - common
        order = rest[common <= overlap * np.maximum(whole, 1e-6)]
    return np.array(kept, np.intp)


def squared(boxes: Boxes) -> Boxes:
    """The boxes grown about their centres to squares."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half])
