"""Frame sources: what a lane's cameras see. A frame that cannot be shown is a value, not an exception."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gate_client.inference.photograph import MAX_BYTES, MalformedImage, decode

Image = NDArray[np.uint8]
"""(height, width, 3), BGR."""

WATCH_SECONDS = 0.2
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class BrokenFrame:
    """The source had something, and it was no picture. `detail` says why, for the operator."""

    detail: str


Frame = Image | BrokenFrame


class FrameSource(Protocol):
    """An endless or finite stream of frames."""

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None:
        """Give the device back."""


def load_frame(path: Path) -> Frame:
    """Read one JPEG or PNG of at most 8 MB and 40 Mpx; the header is bounded before a decoder sees the file."""
    try:
        if not path.is_file():  # a named pipe or a device would block the lane
            return BrokenFrame("not a file")
        with path.open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except (OSError, ValueError, MalformedImage) as error:
        return BrokenFrame(f"{type(error).__name__}: {error}")


class FolderFrames:
    """Every picture of a folder once, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Frame]:
        for path in sorted(self._folder.iterdir()):
            if path.suffix.lower() in SUFFIXES:
                yield load_frame(path)

    def close(self) -> None:
        """Nothing is held."""


class WatchedFolder:
    """Every picture laid into a folder, as it appears: a camera for people who have none. Never ends.

    A picture counts once its size has stayed the same between two looks, so that a half-written file is not read.
    """

    def __init__(self, folder: Path, pause: Callable[[], None]) -> None:
        self._folder = folder
        self._pause = pause
        self._sizes: dict[Path, int] = {}
        self._seen: set[Path] = set()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            yield from self._look()
            self._pause()
            yield BrokenFrame("no new picture")  # so that the lane's time goes on

    def _look(self) -> Iterator[Frame]:
        for path in sorted(self._folder.iterdir()):
            if path.suffix.lower() not in SUFFIXES or path in self._seen:
                continue
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue  # taken away between the listing and the look
            if self._sizes.get(path) == size:
                self._seen.add(path)
                yield load_frame(path)
            self._sizes[path] = size

    def close(self) -> None:
        """Nothing is held."""


class CaptureFrames:
    """A video file or a webcam through OpenCV; ends with the file, or when the camera stops answering."""

    def __init__(self, open_device: Callable[[], cv2.VideoCapture], name: str) -> None:
        self._device = open_device()
        self._name = name
        if not self._device.isOpened():
            raise FileNotFoundError(f"cannot open {name}")

    @classmethod
    def video(cls, path: Path) -> "CaptureFrames":
        return cls(lambda: cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), f"video {path.name}")

    @classmethod
    def camera(cls, number: int, *, width: int = 1280, height: int = 720) -> "CaptureFrames":
        """The webcam with that number, asked for 1280 x 720 and for no queue of old frames."""

        def open_device() -> cv2.VideoCapture:
            device = cv2.VideoCapture(number)
            device.set(cv2.CAP_PROP_FRAME_WIDTH, width)
            device.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
            device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            return device

        return cls(open_device, f"camera {number}")

    def __iter__(self) -> Iterator[Frame]:
        while True:
            read, pixels = self._device.read()
            if not read:
                return
            yield np.asarray(pixels, np.uint8)

    def close(self) -> None:
        with suppress(cv2.error):
            self._device.release()


def open_frames(source: str) -> FrameSource:
    """Open `dir:DIR`, `watch:DIR`, `video:FILE` or `camera:N`; ValueError for others, FileNotFoundError for nothing."""
    kind, _, where = source.partition(":")
    if kind in ("dir", "watch") and where:
        folder = Path(where)
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder}")
        return FolderFrames(folder) if kind == "dir" else WatchedFolder(folder, partial(sleep, WATCH_SECONDS))
    if kind == "video" and where:
        return CaptureFrames.video(Path(where))
    if kind == "camera" and where.isdecimal():
        return CaptureFrames.camera(int(where))
    raise ValueError("frames come from dir:DIR, watch:DIR, video:FILE or camera:NUMBER")
