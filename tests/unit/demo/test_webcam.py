"""The webcam's three photographs, and what is said when there are none."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from tests.demo import __main__ as demo
from tests.demo import webcam
from tests.demo.journeys import Cast
from tests.demo.webcam import WARM_UP_FRAMES, WebcamError, cast_from_webcam

PACKAGED = Cast(*(Path(f"packaged-{role}") for role in ("portrait", "enrolment", "live", "impostor", "cut-off")))


class FakeCapture:
    """A webcam whose frames grow brighter one by one; `frames` is how many it has."""

    def __init__(self, frames: int, *, opens: bool = True) -> None:
        self.frames, self.opens, self.seen, self.released = frames, opens, 0, False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opens

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.seen == self.frames:
            return False, None
        self.seen += 1
        return True, np.full((48, 64, 3), self.seen, np.uint8)

    def release(self) -> None:
        self.released = True


class Terminal(Console):
    """A console at which Enter is pressed, or nobody sits."""

    def __init__(self, *, attended: bool = True) -> None:
        super().__init__(file=io.StringIO())
        self.attended = attended

    def input(self, *_: object, **__: object) -> str:
        if not self.attended:
            raise EOFError
        return ""


def take(camera: FakeCapture, folder: Path, monkeypatch: pytest.MonkeyPatch, terminal: Console | None = None) -> Cast:
    monkeypatch.setattr(webcam.cv2, "VideoCapture", lambda number: camera)
    try:
        return cast_from_webcam(7, folder, PACKAGED, terminal or Terminal())
    finally:
        assert camera.released


def test_three_moments_become_three_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = take(FakeCapture(3 * WARM_UP_FRAMES), tmp_path, monkeypatch)
    shades = [int(cv2.imread(str(path)).mean().round()) for path in (cast.portrait, cast.enrolment, cast.live)]
    assert shades == [WARM_UP_FRAMES, 2 * WARM_UP_FRAMES, 3 * WARM_UP_FRAMES]
    assert (cast.impostor, cast.cut_off) == (PACKAGED.impostor, PACKAGED.cut_off)


@pytest.mark.parametrize(
    ("camera", "attended", "said"),
    [
        (FakeCapture(0, opens=False), True, "webcam 7 cannot be opened"),
        (FakeCapture(WARM_UP_FRAMES + 1), True, "webcam 7: it gives no picture"),
        (FakeCapture(99), False, "webcam 7: nobody can press Enter"),
    ],
    ids=["closed", "dies", "unattended"],
)
def test_what_fails_is_one_line(
    camera: FakeCapture, attended: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WebcamError, match=said):
        take(camera, tmp_path, monkeypatch, Terminal(attended=attended))


def test_the_demonstration_ends_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webcam.cv2, "VideoCapture", lambda number: FakeCapture(0, opens=False))
    monkeypatch.setattr(demo, "cast_from_packages", lambda index: PACKAGED)
    monkeypatch.setattr("sys.argv", ["demo", "--camera", "7"])
    assert demo.main() == 2
    assert capsys.readouterr().out == "webcam 7 cannot be opened\n"
