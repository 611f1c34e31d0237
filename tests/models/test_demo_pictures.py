"""The pictures that the demonstration composes, judged by the detector that the gate uses."""

from pathlib import Path

import cv2
import pytest

from broker.wire.reasons import Reason
from gate_client.inference.engine import CaptureRefused, FaceEngine
from tests.demo import pictures
from tests.support import photos


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine.load()


@pytest.fixture
def far_away(tmp_path: Path) -> Path:
    """A webcam's view of somebody across the room: 1280 x 720, the face a tenth of the height, off to the side."""
    portrait = cv2.imread(str(photos.photo("obama.jpg")))
    assert portrait is not None
    frame = cv2.copyMakeBorder(
        cv2.resize(portrait, None, fx=240 / portrait.shape[0], fy=240 / portrait.shape[0]),
        *(440, 40, 60, 0),
        cv2.BORDER_CONSTANT,
        value=(90, 90, 90),
    )
    frame = cv2.copyMakeBorder(frame, 0, 0, 0, 1280 - frame.shape[1], cv2.BORDER_CONSTANT, value=(90, 90, 90))
    return pictures.save(frame, tmp_path / "far.png")


def test_two_people_stand_equally_near_whatever_the_photographs(engine: FaceEngine, far_away: Path) -> None:
    for live in (far_away, photos.photo("obama3.jpg")):
        frame = pictures.side_by_side(live, photos.photo(photos.ANOTHER_PERSON))
        assert frame.shape == (720, 1280, 3)
        faces = engine.analyse(frame)
        assert len(faces) == 2
        heights = [face.box[3] for face in faces]
        assert max(heights) < 1.25 * min(heights)
        with pytest.raises(CaptureRefused) as refused:
            engine.capture(frame)
        assert refused.value.reason is Reason.SEVERAL_FACES


def test_a_photograph_without_a_face_cannot_be_put_beside_another(tmp_path: Path, far_away: Path) -> None:
    empty = pictures.save(cv2.imread(str(far_away))[:300], tmp_path / "empty.png")
    with pytest.raises(ValueError, match="no face is found"):
        pictures.side_by_side(empty, far_away)


def test_a_portrait_is_one_face_in_a_small_jpeg(tmp_path: Path, far_away: Path) -> None:
    large = cv2.resize(cv2.imread(str(photos.photo("obama2.jpg"))), (3000, 4000))
    made = pictures.portrait(pictures.save(large, tmp_path / "large.png"), tmp_path / "portrait.jpg")
    assert made.read_bytes().startswith(b"\xff\xd8\xff")
    assert max(cv2.imread(str(made)).shape) == pictures.PORTRAIT_PIXELS
    crowd = pictures.side_by_side(photos.photo("obama3.jpg"), photos.photo(photos.ANOTHER_PERSON))
    with pytest.raises(ValueError, match="finds 2"):
        pictures.portrait(pictures.save(crowd, tmp_path / "crowd.png"), tmp_path / "no.jpg")
    (tmp_path / "words.txt").write_text("no picture")
    with pytest.raises(OSError, match="not a picture"):
        pictures.portrait(tmp_path / "words.txt", tmp_path / "no.jpg")
    assert not (tmp_path / "no.jpg").exists()
