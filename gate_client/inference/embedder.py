"""An embedding network driven entirely by its registry entry."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gate_client.core.alignment import similarity
from gate_client.inference.faces import Image
from gate_client.inference.registry import EmbedderSpec, Registry
from gate_client.inference.sessions import ModelsMissing, open_session, read_pinned

Float32 = NDArray[np.float32]


class Embedder:
    """Aligns a face the way its network was trained and returns a vector of unit length."""

    def __init__(self, name: str, spec: EmbedderSpec, model_dir: Path, registry: Registry, *, threads: int) -> None:
        self.name = name
        self.spec = spec
        self._session = open_session(read_pinned(model_dir, spec.file, registry), threads=threads)
        self._input = spec.input or self._session.get_inputs()[0].name
        self._output = spec.output or self._session.get_outputs()[0].name
        self._target = np.array(spec.landmarks, np.float64)
        self._mean = np.array(spec.mean, np.float32)
        self._factor = (1.0 / np.array(spec.std, np.float64)).astype(np.float32)

    def align(self, image: Image, landmarks: NDArray[np.float32]) -> Image:
        """The square crop (side, side, 3) BGR with the landmarks where the registry wants them."""
        matrix = similarity(landmarks, self._target)
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        if scale < 0.5:
            # Sampling alone would alias: average a power of two of pixels first.
            halvings = int(np.floor(np.log2(1 / scale)))
            image, landmarks = _shrunk(image, landmarks, 2**halvings)
            matrix = similarity(landmarks, self._target)
        size = (self.spec.side, self.spec.side)
        return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)

    def embed(self, aligned: Image) -> Float32:
        """(dimension,) float32 of unit length. Raises ModelsMissing where the network's output has another size."""
        batch = [aligned, aligned[:, ::-1]] if self.spec.flip_average else [aligned]
        vectors = self._session.run([self._output], {self._input: self._tensor(np.stack(batch))})[0]
        vectors = np.asarray(vectors, np.float32).reshape(len(batch), -1)
        if vectors.shape[1] != self.spec.dimension:
            raise ModelsMissing(f"{self.name} gives {vectors.shape[1]} values, the registry says {self.spec.dimension}")
        total = sum(vector / max(float(np.linalg.norm(vector)), 1e-12) for vector in vectors)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), np.float32)

    def _tensor(self, batch: NDArray[np.uint8]) -> Float32:
        ordered = batch[..., ::-1] if self.spec.colour == "rgb" else batch
        values = (ordered.astype(np.float32) - self._mean) * self._factor
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if self.spec.layout == "nchw" else values)


def _shrunk(image: Image, landmarks: NDArray[np.float32], factor: int) -> tuple[Image, NDArray[np.float32]]:
    """The neighbourhood of the face, area-averaged by an integer factor, with the landmarks moved along."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    margin = 2.0 * float((high - low).max())
    x0, y0 = (max(0, int(v)) for v in low - margin)
    x1, y1 = min(image.shape[1], int(high[0] + margin) + 1), min(image.shape[0], int(high[1] + margin) + 1)
    region = image[y0:y1, x0:x1]
    size = (max(1, region.shape[1] // factor), max(1, region.shape[0] // factor))
    region = region[: size[1] * factor, : size[0] * factor]
    small = cv2.resize(region, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    moved = (landmarks - np.array([x0, y0]) + 0.5) / factor - 0.5
    return small, moved.astype(np.float32)
