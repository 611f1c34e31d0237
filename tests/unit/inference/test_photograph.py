"""Images from outside: bounded by their header, decoded upright, refused by one error."""

from __future__ import annotations

import contextlib
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gate_client.inference.photograph import MAX_BYTES, MAX_PIXELS, MalformedImage, decode, read_header

rng = np.random.default_rng(11)
PICTURE = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 4)
JPEG = cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
PROGRESSIVE = cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
PNG = cv2.imencode(".png", PICTURE)[1].tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_claiming(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def oriented(orientation: int, *, order: str = "<") -> bytes:
    """The JPEG with an EXIF segment that holds this orientation."""
    tiff = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    tiff += struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + tiff
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + JPEG[2:]


@pytest.mark.parametrize(("raw", "kind"), [(JPEG, "jpeg"), (PROGRESSIVE, "jpeg"), (PNG, "png")])
def test_a_picture_is_read_and_decoded(raw: bytes, kind: str) -> None:
    header = read_header(raw)
    assert (header.kind, header.width, header.height, header.orientation) == (kind, 64, 48, 1)
    assert np.abs(decode(raw).astype(int) - PICTURE).mean() < 4


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_opencv_applies_it(orientation: int, order: str) -> None:
    raw = oriented(orientation, order=order)
    reference = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decode(raw), reference)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_impossible_orientation_is_ignored(orientation: int) -> None:
    assert decode(oriented(orientation)).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "neither"),
        (b"BM" + bytes(60), "neither"),
        (JPEG[:4], "ends early"),
        (JPEG[:200], "ends early|refused"),
        (PNG[:20], "ends early"),
        (PNG[:60], "refused"),
        (bytes(MAX_BYTES + 1), "at most"),
        (png_claiming(30_000, 30_000), "pixels"),
        (png_claiming(8_000, 8_000), "at most"),
        (png_claiming(2**31 - 1, 2**31 - 1), "pixels"),
        (png_claiming(0, 5), "pixels"),
        (png_claiming(16, 16), "pixels"),
        (PROGRESSIVE + b"\xff\xda" * 100, "scans"),
        (JPEG.replace(b"\xff\xc0", b"\xff\xc3"), "coding"),
        (JPEG[:2] + b"\xff\xe1\x00\x01" + JPEG[2:], "impossible length"),
    ],
)
def test_what_is_refused_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(MalformedImage, match=why):
        decode(raw)


def test_a_bomb_is_refused_from_its_header_alone() -> None:
    """64 MPx of zeros in 60 KB: nothing may be allocated for it."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + 8_000 * 3)) for _ in range(8_000)) + rows.flush()
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8_000, 8_000, 8, 2, 0, 0, 0))
    bomb += chunk(b"IDAT", data) + chunk(b"IEND", b"")
    assert len(bomb) < MAX_BYTES
    assert MAX_PIXELS < 8_000 * 8_000
    with pytest.raises(MalformedImage, match="at most"):
        decode(bomb)


def test_a_large_photograph_is_decoded_at_half_size() -> None:
    raw = cv2.imencode(".jpg", np.full((3_600, 4_800, 3), 120, np.uint8))[1].tobytes()
    assert decode(raw).shape == (1_800, 2_400, 3)


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", JPEG[:160], PNG[:33]]))
@settings(max_examples=300, deadline=None)
@example(b"\xff" * 300, b"\xff\xd8\xff")
def test_decoding_is_total(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(MalformedImage):
        assert decode(head + tail).ndim == 3


@given(st.integers(0, len(JPEG) - 1), st.integers(0, 255), st.sampled_from([JPEG, PROGRESSIVE, PNG, oriented(6)]))
@settings(max_examples=300, deadline=None)
def test_a_damaged_picture_decodes_or_is_refused(position: int, value: int, raw: bytes) -> None:
    damaged = bytearray(raw)
    damaged[position % len(raw)] = value
    with contextlib.suppress(MalformedImage):
        assert decode(bytes(damaged)).dtype == np.uint8
