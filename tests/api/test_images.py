"""Photographs from strangers, through the API to the real face engine: broken, bombs, and the real thing."""

import io
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from broker.core.purpose import FACE_ENROLMENT
from broker.stores.database import Database
from broker.stores.face_worker import FaceWorker
from gate_client.inference.engine import default_model_dir
from tests.support.photos import ANOTHER_PERSON, TENANTS, photo
from tests.support.web_world import WalletClient, WebWorld, problem

pytestmark = pytest.mark.models

TENANT = TENANTS[0]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    )


def _jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose frame header was made to claim another size."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    raw = bytearray(buffer.getvalue())
    start = raw.index(b"\xff\xc0") + 5
    raw[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(raw)


HOSTILE = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"not a picture at all",
    "jpeg start alone": b"\xff\xd8\xff\xe0",
    "jpeg start and noise": b"\xff\xd8\xff\xe0"
    + bytes(np.random.default_rng(1).integers(0, 256, 200_000, dtype=np.uint8)),
    "png that claims 4 gigapixels": _png(65_535, 65_535, b"\0" * 1000),
    "png that unfolds to 900 megapixels": _png(30_000, 30_000, b"\0" * 30_001 * 2000),
    "png without rows": _png(100, 100, b""),
    "jpeg that claims 4 gigapixels": _jpeg_claiming(65_535, 65_535),
    "gif": b"GIF89a" + bytes(100),
    "zip": b"PK\x03\x04" + bytes(100),
}


@pytest.fixture(scope="module")
def examiner() -> Iterator[FaceWorker]:
    if not (default_model_dir() / "built.json").exists():
        pytest.skip("the face models are not built: run `tongguan models build`")
    with FaceWorker([sys.executable, "-m", "gate_client.inference.worker"]) as worker:
        yield worker


@pytest.fixture
def enrolling(database: Database, tmp_path: Path, examiner: FaceWorker) -> Iterator[WalletClient]:
    """The wallet of a person whose portrait waits and who agreed to enrol."""
    web = WebWorld(database, tmp_path, examiner=examiner)
    plain = web.world.grant
    web.world.grant = lambda subject, portrait=b"": plain(subject, photo(TENANT.portrait).read_bytes())  # type: ignore[method-assign]
    traveller = web.world.link().traveller
    web.world.consent(traveller, FACE_ENROLMENT)
    with web.client() as http:
        yield web.wallet(http, traveller)
    web.keys.close()


def test_hostile_pictures_are_refused_and_nothing_breaks(enrolling: WalletClient) -> None:
    for name, picture in HOSTILE.items():
        for kind in ("image/jpeg", "image/png"):
            answer = enrolling.post("/enrolment", content=picture, headers={"content-type": kind})
            document = problem(answer)
            assert (document["type"], document["reason"]) == ("/problems/capture-refused", "malformed_image"), name
    assert enrolling.get("/me").json()["enrolled"] is False
    # The engine is as it was: the person enrols.
    answer = enrolling.post(
        "/enrolment", content=photo(TENANT.enrolment).read_bytes(), headers={"content-type": "image/jpeg"}
    )
    assert answer.status_code == 201, answer.text


def test_another_persons_face_is_refused(enrolling: WalletClient) -> None:
    answer = enrolling.post(
        "/enrolment", content=photo(ANOTHER_PERSON).read_bytes(), headers={"content-type": "image/jpeg"}
    )
    assert problem(answer)["reason"] == "not_same_person"
    assert enrolling.get("/me").json()["enrolled"] is False
