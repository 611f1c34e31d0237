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
PORTRAIT_PIXELS = 1024
FACE_PIXELS = 240
"""Height of each face's box when two people are put side by side."""
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
    """Two people before the camera at the same distance: a 1280 x 720 frame, the largest face of each photograph in the
    middle of its half. Raises ValueError when a photograph shows no face."""
    return np.hstack([_half(near), _half(far)])


def _half(path: Path) -> Frame:
    image = _read(path)
    faces = _engine().analyse(image)
    if not faces:
        raise ValueError(f"no face is found in {path}")
    left, top, across, down = faces[0].box
    size = (FRAME_WIDTH // 2, FRAME_HEIGHT)
    scale = FACE_PIXELS / down
    shift = (size[0] / 2 - scale * (left + across / 2), size[1] / 2 - scale * (top + down / 2))
    placed = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(cv2.warpAffine(image, placed, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def portrait(source: Path, target: Path) -> Path:
    """Lay a person's own photograph at `target` as a register would hold it: an upright JPEG of one face, within
    PORTRAIT_PIXELS. Raises OSError when it is no picture, ValueError when it shows no face or several."""
    image = _reduced(_read(source), PORTRAIT_PIXELS)
    faces = len(_engine().analyse(image))
    if faces != 1:
        raise ValueError(f"a portrait shows one face; in {source} the detector finds {faces or 'none'}")
    return save(image, target)


def _read(path: Path) -> Frame:
    image = cv2.imread(str(path))
    if image is None:
        raise OSError(f"{path} is missing or not a picture (JPEG or PNG)")
    return np.asarray(image, np.uint8)


def _reduced(image: Frame, longest: int) -> Frame:
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


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
    done, data = cv2.imencode(".jpg", _reduced(image, longest), [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return Picture(caption, data.tobytes(), "image/jpeg")
