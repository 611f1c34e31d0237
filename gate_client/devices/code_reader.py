"""Finds the travel code in a frame (zxing-cpp)."""

from typing import Any, Protocol

import cv2
import zxingcpp

from broker.wire.errors import DecodeError
from broker.wire.qr_payload import PREFIX
from broker.wire.reasons import Reason
from gate_client.devices.frames import Image

# Above this the reader works on a halved picture first: a code that fills a third of it still has 3 pixels a module.
_LARGE = 2_500_000
_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


# Cheapest first (about 1, 3 and 6 ms at 1280 x 720): one threshold for an evenly lit screen; local thresholds; then
# every angle, scale and polarity.
_ONCE = {"try_rotate": False, "try_downscale": False, "try_invert": False}
_EFFORTS: tuple[dict[str, Any], ...] = (
    {**_ONCE, "binarizer": zxingcpp.Binarizer.GlobalHistogram},
    _ONCE,
    {},
)


class CodeReader(Protocol):
    """Reads one travel code from a frame."""

    def read(self, frame: Image) -> str:
        """Return the code's text. `DecodeError`: NO_QR, or MALFORMED_QR for another or more than one code."""


class ZxingReader:
    """QR codes only."""

    def read(self, frame: Image) -> str:
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame
        if grey.size > _LARGE:
            grey = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        texts: set[bytes] = set()
        ours: set[bytes] = set()
        for effort in _EFFORTS:  # until a travel code turns up: a poster in the picture must not hide the phone
            texts |= {bytes(code.bytes) for code in zxingcpp.read_barcodes(grey, _FORMATS, **effort)}
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
