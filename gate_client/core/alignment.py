"""Where a face lands in the crop an embedder expects: the least-squares similarity of five landmarks (Umeyama 1991)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> Float64:
    """The 2 x 3 matrix of the rotation, uniform scale and shift that maps `source` (n,2) onto `target` (n,2), n >= 2.

    Never mirrors. Units are pixels on both sides. Raises ValueError where the source points coincide.
    """
    src, dst = np.asarray(source, np.float64), np.asarray(target, np.float64)
    src_mean, dst_mean = src.mean(axis=0), dst.mean(axis=0)
    src_centred, dst_centred = src - src_mean, dst - dst_mean
    spread = float((src_centred**2).sum())
    if spread < 1e-9:
        raise ValueError("the landmarks coincide")
    # In the plane the optimum is closed: with points as complex numbers, the factor is <src, dst> / <src, src>.
    along = float((src_centred * dst_centred).sum()) / spread
    across = float((src_centred[:, 0] * dst_centred[:, 1] - src_centred[:, 1] * dst_centred[:, 0]).sum()) / spread
    rotation = np.array([[along, -across], [across, along]])
    return np.column_stack([rotation, dst_mean - rotation @ src_mean])
