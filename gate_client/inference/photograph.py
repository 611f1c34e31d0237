"""Hostile image bytes to pixels: the header is read and bounded before any decoder sees the file.

JPEG and PNG only. Total: raises MalformedImage on anything else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np

from gate_client.inference.faces import Image

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 20_000
MIN_SIDE = 32
MAX_SCANS = 64
"""A progressive JPEG decodes its whole area once per scan: this many is far beyond any camera."""
REDUCE_ABOVE = 12_000_000
"""JPEGs above this many pixels are decoded at half size: a face still has more pixels than any model uses."""

_PNG = b"\x89PNG\r\n\x1a\n"
_SOF = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive Huffman: what cameras write. Lossless and arithmetic coding are refused."""


class MalformedImage(ValueError):
    """Not a JPEG or PNG that will be decoded; the message says why."""


@dataclass(frozen=True)
class Header:
    kind: str
    width: int
    height: int
    orientation: int
    """EXIF orientation, 1 to 8; 1 where there is none."""


def read_header(raw: bytes) -> Header:
    """Kind, size and orientation without decoding. Raises MalformedImage."""
    if len(raw) > MAX_BYTES:
        raise MalformedImage(f"{len(raw)} bytes, at most {MAX_BYTES} are taken")
    try:
        if raw.startswith(_PNG):
            header = _png(raw)
        elif raw.startswith(b"\xff\xd8\xff"):
            header = _jpeg(raw)
        else:
            raise MalformedImage("neither JPEG nor PNG")
    except (struct.error, IndexError) as error:
        raise MalformedImage("the header ends early") from error
    if min(header.width, header.height) < MIN_SIDE or max(header.width, header.height) > MAX_SIDE:
        raise MalformedImage(f"{header.width} x {header.height} pixels")
    if header.width * header.height > MAX_PIXELS:
        raise MalformedImage(f"{header.width} x {header.height} pixels, at most {MAX_PIXELS} are decoded")
    return header


def decode(raw: bytes) -> Image:
    """Pixels (height, width, 3), BGR, upright. Raises MalformedImage."""
    header = read_header(raw)
    flags = cv2.IMREAD_COLOR
    if header.kind == "jpeg" and header.width * header.height > REDUCE_ABOVE:
        flags = cv2.IMREAD_REDUCED_COLOR_2
    try:
        pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise MalformedImage("the decoder refused it") from error
    if pixels is None or pixels.ndim != 3:
        raise MalformedImage("the decoder refused it")
    return _upright(pixels.astype(np.uint8, copy=False), header.orientation)


def _png(raw: bytes) -> Header:
    length, kind, width, height = struct.unpack_from(">I4sII", raw, 8)
    if kind != b"IHDR" or length != 13:
        raise MalformedImage("PNG without IHDR")
    return Header("png", width, height, 1)


def _jpeg(raw: bytes) -> Header:
    """Walk the segments up to the first scan; count the scans behind it."""
    position, orientation, size = 2, 1, None
    while True:
        if raw[position] != 0xFF:
            raise MalformedImage(f"no JPEG marker at {position}")
        while raw[position] == 0xFF:
            position += 1
        marker = raw[position]
        (length,) = struct.unpack_from(">H", raw, position + 1)
        if length < 2:
            raise MalformedImage("JPEG segment of impossible length")
        if marker == 0xDA:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker not in _SOF or size is not None:
                raise MalformedImage("JPEG coding that is not taken")
            size = struct.unpack_from(">HH", raw, position + 4)
        if marker == 0xE1 and raw[position + 3 : position + 9] == b"Exif\0\0":
            orientation = _exif_orientation(raw[position + 9 : position + 1 + length])
        position += 1 + length
    if size is None:
        raise MalformedImage("JPEG scan before its frame header")
    if raw.count(b"\xff\xda", position - 1) > MAX_SCANS:
        raise MalformedImage(f"more than {MAX_SCANS} JPEG scans")
    return Header("jpeg", size[1], size[0], orientation)


def _exif_orientation(tiff: bytes) -> int:
    """Tag 0x0112 of the first directory. Anything odd means 1: a photograph without it is still a photograph."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return 1
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, number, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if (tag, kind, number) == (0x0112, 3, 1):
            return value if 1 <= value <= 8 else 1
    return 1


def _upright(pixels: Image, orientation: int) -> Image:
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
