"""YuNet (Wu et al., 2023) as OpenCV's model zoo publishes it: one stage, five landmarks, strides 8, 16 and 32."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from gate_client.inference.boxes import keep_best
from gate_client.inference.faces import Face, Image
from gate_client.inference.mtcnn import reduce
from gate_client.inference.registry import Registry, YunetSpec
from gate_client.inference.sessions import open_session, read_pinned

STRIDES = (8, 16, 32)


class Yunet:
    def __init__(self, spec: YunetSpec, model_dir: Path, registry: Registry, *, threads: int) -> None:
        self.spec = spec
        self._session = open_session(read_pinned(model_dir, spec.file, registry), threads=threads)
        shape = self._session.get_inputs()[0].shape
        self._input = self._session.get_inputs()[0].name
        self._fixed = (int(shape[2]), int(shape[3])) if all(isinstance(n, int) for n in shape[2:4]) else None
        self._outputs = [output.name for output in self._session.get_outputs()]

    def detect(self, image: Image) -> list[Face]:
        """Every face above the score and at least `min_face` px in the reduced frame, the largest first."""
        frame, scale = reduce(image, min(self.spec.long_side, *self._fixed) if self._fixed else self.spec.long_side)
        height, width = frame.shape[:2]
        padded_height, padded_width = self._fixed or (-(-height // 32) * 32, -(-width // 32) * 32)
        canvas = cv2.copyMakeBorder(frame, 0, padded_height - height, 0, padded_width - width, cv2.BORDER_CONSTANT)
        tensor = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        outputs = dict(zip(self._outputs, self._session.run(self._outputs, {self._input: tensor}), strict=True))
        rows = np.concatenate([_decode(outputs, stride, padded_width) for stride in STRIDES])
        rows = rows[(rows[:, 0] >= self.spec.score) & (rows[:, 3:5].min(axis=1) >= self.spec.min_face)]
        corners = np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]])
        faces = [_face(rows[index], scale) for index in keep_best(corners, rows[:, 0], self.spec.overlap)]
        return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def _decode(outputs: dict[str, np.ndarray], stride: int, padded_width: int) -> np.ndarray:
    """Rows of score, x, y, width, height and five landmarks for every cell of one stride."""
    classes, objects = outputs[f"cls_{stride}"].reshape(-1), outputs[f"obj_{stride}"].reshape(-1)
    boxes, points = outputs[f"bbox_{stride}"].reshape(-1, 4), outputs[f"kps_{stride}"].reshape(-1, 5, 2)
    columns = padded_width // stride
    cells = np.arange(classes.size)
    origin = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    score = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))
    size = np.exp(boxes[:, 2:]) * stride
    corner = (origin + boxes[:, :2]) * stride - size / 2
    landmarks = (points + origin[:, None, :]) * stride
    return np.hstack([score[:, None], corner, size, landmarks.reshape(-1, 10)]).astype(np.float32)


def _face(row: np.ndarray, scale: float) -> Face:
    x, y, width, height = (float(value) / scale for value in row[1:5])
    return Face((x, y, width, height), float(row[0]), (row[5:].reshape(5, 2) / scale).astype(np.float32))
