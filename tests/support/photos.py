"""Photographs that published packages carry, by pinned hash: what the demonstration and the tests show to cameras.

From the source archive of `face_recognition` 1.3.0 (public-domain portraits): three different photographs of one
person, one of another, and two that are cut off by the frame. Its `32bit.png` is `obama2.jpg` saved again: not a
different photograph, so it is not used. From `scikit-image`: the NASA portrait `astronaut()`.

Each tenant plays one traveller at one provider. Portrait, enrolment and gate are three different photographs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gate_client.inference.build import write_atomically
from gate_client.inference.engine import default_model_dir
from gate_client.inference.fetch import fetch, read_member
from gate_client.inference.registry import Source

ARCHIVE = Source(
    registry="pypi",
    package="face_recognition",
    version="1.3.0",
    archive="face_recognition-1.3.0.tar.gz",
    sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    licence="MIT; the photographs are works of the United States government, in the public domain",
)
FOLDER = "face_recognition-1.3.0/tests/test_images/"
SHA256 = {
    "obama.jpg": "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    "obama2.jpg": "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    "obama3.jpg": "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
    "biden.jpg": "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    "obama_partial_face.jpg": "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117",
    "obama_partial_face2.jpg": "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028",
}


@dataclass(frozen=True)
class Tenant:
    """Which photograph serves as the authority's portrait, as the capture at enrolment, and as the face at the gate."""

    portrait: str
    enrolment: str
    gate: str


TENANTS = (
    Tenant(portrait="obama.jpg", enrolment="obama2.jpg", gate="obama3.jpg"),
    Tenant(portrait="obama2.jpg", enrolment="obama3.jpg", gate="obama.jpg"),
    Tenant(portrait="obama3.jpg", enrolment="obama.jpg", gate="obama2.jpg"),
)
ANOTHER_PERSON = "biden.jpg"
"""Accepted in quality, refused as another person: enrolling in a tenant's name, or at the gate with a tenant's code."""
THIRD_PERSON = "astronaut.png"
CUT_OFF = ("obama_partial_face.jpg", "obama_partial_face2.jpg")
"""Faces that the frame cuts: poor quality where a tenth of the face is missing."""


def photo(name: str) -> Path:
    """The file of a photograph, fetched once and kept by hash. Raises FetchError or KeyError."""
    if name == THIRD_PERSON:
        return _astronaut()
    folder = default_model_dir() / "photos"
    path = folder / name
    if not (path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[name]):
        archive = fetch(ARCHIVE, default_model_dir() / "sources")
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, read_member(archive, FOLDER + name, SHA256[name]))
    return path


def photo_folder() -> Path:
    """The folder that holds every photograph of the archive under its own name."""
    folders = {photo(name).parent for name in SHA256}
    return folders.pop()


@cache
def _astronaut() -> Path:
    """Eileen Collins, NASA, public domain; 512 x 512."""
    from skimage import data

    packaged = Path(str(data.__file__)).parent / "astronaut.png"
    if not packaged.is_file():
        raise FileNotFoundError("scikit-image does not carry astronaut.png")
    return packaged
