"""The frames that the gate's cameras see in the demonstration, and the pictures of the report."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gate_client.inference.engine import FaceEngine
from tests.demo.scene import Picture
from tests.support.qr_image import render_qr

FRAME_HEIGHT, FRAME_WIDTH = 720, 1280
QR_PIXELS = 560
Frame = np.ndarray[Any, np.dtype[np.uint8]]


def phone_frame(text: str) -> Frame:
    """A 1280 x 720 camera frame (BGR) in which a phone shows the code, slightly turned, soft and noisy."""
    code = render_qr(text, QR_PIXELS)
    if code.ndim == 2:
        code = cv2.cvtColor(code, cv2.COLOR_GRAY2BGR)
    frame = np.full((FRAME_HEIGHT, FRAME_WIDTH, 3), 70, np.uint8)
    height, width = code.shape[:2]
    top, left = (FRAME_HEIGHT - height) // 2, (FRAME_WIDTH - width) // 2
    frame[top - 30 : top + height + 30, left - 30 : left + width + 30] = 245
    frame[top : top + height, left : left + width] = code
    turn = cv2.getRotationMatrix2D((FRAME_WIDTH / 2, FRAME_HEIGHT / 2), 4, 1.0)
    frame = cv2.warpAffine(frame, turn, (FRAME_WIDTH, FRAME_HEIGHT), borderValue=(70, 70, 70))
    frame = cv2.GaussianBlur(frame, (0, 0), 0.8)
    noise = np.random.default_rng(1).normal(0, 4, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def save(frame: Frame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), frame):
        raise OSError(f"cannot write {path}")
    return path


def side_by_side(near: Path, far: Path) -> Frame:
    """Two people before the camera at the same distance: of the second photograph the upper half."""
    left, right = _read(near), _read(far)
    right = right[: right.shape[0] // 2]
    scaled = [cv2.resize(i, (round(i.shape[1] * FRAME_HEIGHT / i.shape[0]), FRAME_HEIGHT)) for i in (left, right)]
    return np.hstack(scaled)


def _read(path: Path) -> Frame:
    image = cv2.imread(str(path))
    if image is None:
        raise OSError(f"{path} is not a picture")
    return image


@cache
def _engine() -> FaceEngine:
    return FaceEngine.load()


def detected(path: Path) -> Picture:
    """The face camera's picture with what the detector finds in it: boxes and the five landmarks."""
    image = _read(path)
    faces = _engine().analyse(image)
    width = max(2, image.shape[0] // 250)
    for face in faces:
        left, top, across, down = (round(value) for value in face.box)
        cv2.rectangle(image, (left, top), (left + across, top + down), (60, 200, 60), width)
        for x, y in face.landmarks:
            cv2.circle(image, (round(float(x)), round(float(y))), width + 1, (0, 180, 255), -1)
    return _picture(f"the face camera: {len(faces)} found", image)


def picture(caption: str, path: Path, *, longest: int = 640) -> Picture:
    """The photograph at `path`, reduced for the report."""
    return _picture(caption, _read(path), longest=longest)


def _picture(caption: str, image: Frame, *, longest: int = 640) -> Picture:
    scale = min(1.0, longest / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return Picture(caption, data.tobytes(), "image/jpeg")
