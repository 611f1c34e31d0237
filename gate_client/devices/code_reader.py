"""Finds the travel code in a frame (zxing-cpp)."""

from collections.abc import Callable
from math import sqrt
from typing import Any, Protocol

import cv2
import numpy as np
import zxingcpp

from broker.wire.errors import DecodeError
from broker.wire.qr_payload import PREFIX
from broker.wire.reasons import Reason
from gate_client.devices.frames import Image

# Above this the reader works on a picture at most half as wide: a code that fills a third of it still has 3 pixels a
# module. It bounds memory, and time: the search for finder patterns grows with the square of how many there seem to be.
_LARGE = 2_500_000
_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

# Takes back most of a blur of sigma 1.5 to 2 pixels, where a module of a version 19 code is 4 to 5 pixels wide: noise
# is calmed first, then what lies above the mean of its surroundings is raised ninefold. Sigmas in pixels.
_CALM, _AROUND, _GAIN = 1.0, 2.0, 8.0


def _as_seen(grey: Image) -> Image:
    return grey


def _sharpened(grey: Image) -> Image:
    calm = cv2.GaussianBlur(grey, (0, 0), _CALM)
    around = cv2.GaussianBlur(calm, (0, 0), _AROUND)
    return np.asarray(cv2.addWeighted(calm, 1 + _GAIN, around, -_GAIN, 0), np.uint8)


# Cheapest first (about 1, 3, 4 and 6 ms at 1280 x 720): one threshold for an evenly lit screen; local thresholds; the
# same on the sharpened picture, for a code out of focus; then every angle, scale and polarity.
_ONCE = {"try_rotate": False, "try_downscale": False, "try_invert": False}
_EFFORTS: tuple[tuple[Callable[[Image], Image], dict[str, Any]], ...] = (
    (_as_seen, {**_ONCE, "binarizer": zxingcpp.Binarizer.GlobalHistogram}),
    (_as_seen, _ONCE),
    (_sharpened, _ONCE),
    (_as_seen, {}),
)


class CodeReader(Protocol):
    """Reads one travel code from a frame."""

    def read(self, frame: Image) -> str:
        """Return the code's text. `DecodeError`: NO_QR, or MALFORMED_QR for another or more than one code."""


class ZxingReader:
    """QR codes only."""

    def read(self, frame: Image) -> str:
        grey = _bounded(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame)
        texts: set[bytes] = set()
        ours: set[bytes] = set()
        # Until a travel code turns up: a poster in the picture must not hide the phone.
        for prepared, effort in _EFFORTS:
            texts |= {bytes(code.bytes) for code in zxingcpp.read_barcodes(prepared(grey), _FORMATS, **effort)}
            ours = {text for text in texts if text.startswith(PREFIX.encode())}
            if ours:
                break
        if not texts:
            raise DecodeError(Reason.NO_QR, "no code in the frame")
        if not ours:
            raise DecodeError(Reason.MALFORMED_QR, "not a travel code")
        if len(ours) > 1:
            # Two phones in one picture: which of the two is at the lane is not for the reader to guess.
            raise DecodeError(Reason.MALFORMED_QR, f"{len(ours)} travel codes in one frame")
        try:
            return ours.pop().decode("ascii")
        except UnicodeDecodeError:
            raise DecodeError(Reason.MALFORMED_QR, "not ASCII") from None


def _bounded(grey: cv2.typing.MatLike) -> Image:
    """Return at most `_LARGE` pixels of the same scene."""
    if grey.size > _LARGE:
        scale = min(0.5, sqrt(_LARGE / grey.size))
        # Rounded down: a size rounded up could pass the bound.
        size = (int(grey.shape[1] * scale), int(grey.shape[0] * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)
