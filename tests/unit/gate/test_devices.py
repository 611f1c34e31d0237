"""Frames, codes and doors."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp

from broker.wire.errors import DecodeError
from broker.wire.reasons import Reason
from gate_client.core.lane import Happened
from gate_client.devices.code_reader import ZxingReader
from gate_client.devices.doors import DoorFault, SimulatedDoors
from gate_client.devices.frames import BrokenFrame, Image, WatchedFolder, load_frame, open_frames
from tests.support.gate_world import Authority
from tests.support.qr_image import photograph, qr_modules, qr_version
from tests.vectors import world

TEXT = Authority().wallet().text()
OFFLINE = world.qr(world.OFFLINE).to_text()


def drawn(text: str, scale: int = 4) -> Image:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return cv2.cvtColor(np.asarray(code.to_image(scale=scale)), cv2.COLOR_GRAY2BGR).astype(np.uint8)


def side_by_side(*frames: Image) -> Image:
    height = max(frame.shape[0] for frame in frames)
    white = (255, 255, 255)
    padded = [
        cv2.copyMakeBorder(frame, 0, height - frame.shape[0], 40, 40, cv2.BORDER_CONSTANT, value=white)
        for frame in frames
    ]
    return np.hstack(padded).astype(np.uint8)


def refusal(frame: Image) -> Reason:
    with pytest.raises(DecodeError) as refused:
        ZxingReader().read(frame)
    return refused.value.reason


def test_a_code_is_read_at_every_angle_size_and_polarity() -> None:
    frame = drawn(TEXT)
    turned = np.ascontiguousarray(np.rot90(frame))
    large = cv2.resize(frame, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    slanted = cv2.warpAffine(
        frame,
        cv2.getRotationMatrix2D((frame.shape[1] / 2, frame.shape[0] / 2), 30, 0.7),
        frame.shape[1::-1],
        borderValue=(255, 255, 255),
    ).astype(np.uint8)
    for seen in (frame, turned, large, slanted, (255 - frame).astype(np.uint8)):
        assert ZxingReader().read(seen) == TEXT


def test_a_code_under_a_shadow_is_read() -> None:
    frame = drawn(TEXT).astype(np.float32)
    frame *= np.linspace(0.15, 1.0, frame.shape[1], dtype=np.float32)[None, :, None]
    assert ZxingReader().read(frame.astype(np.uint8)) == TEXT


def test_what_is_no_travel_code_is_named() -> None:
    other = drawn(Authority().wallet().text())
    both = side_by_side(other, drawn(TEXT))
    assert refusal(np.full((200, 200, 3), 255, np.uint8)) is Reason.NO_QR
    assert refusal(drawn("https://example.com")) is Reason.MALFORMED_QR
    assert refusal(both) is Reason.MALFORMED_QR, "two phones in one picture"


def test_a_poster_beside_the_phone_does_not_hide_the_code() -> None:
    poster = drawn("https://example.com/a-poster-with-a-rather-long-address-on-it?and=more")
    both = side_by_side(poster, drawn(TEXT))
    assert ZxingReader().read(both) == TEXT


def test_a_large_code_out_of_focus_is_read() -> None:
    # 500 pixels, blur of sigma 2, tilt of 30 degrees: the corner of the grid that the library alone does not read.
    qr = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    assert qr_version(OFFLINE) == 19
    for seed in (9001, 9002, 9003):
        grey = photograph(qr_modules(OFFLINE), 500, blur=2.0, tilt=30.0, noise=8.0, rng=np.random.default_rng(seed))
        assert not zxingcpp.read_barcodes(grey, qr), "an easy picture proves nothing"
        assert ZxingReader().read(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8)) == OFFLINE


class Spy:
    """Stands before the library and notes how many pixels it was given, each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pixels: list[int] = []
        self._real = zxingcpp.read_barcodes
        monkeypatch.setattr(zxingcpp, "read_barcodes", self)

    def __call__(self, image: Image, *args: Any, **options: Any) -> list[zxingcpp.Barcode]:
        self.pixels.append(image.size)
        return self._real(image, *args, **options)


@pytest.mark.parametrize("noise", [0.0, 16.0])
def test_a_frame_without_a_code_is_given_up_after_four_looks_at_its_own_size(
    monkeypatch: pytest.MonkeyPatch, noise: float
) -> None:
    spy = Spy(monkeypatch)
    seen = np.random.default_rng(9004).normal(110, noise, (720, 1280, 3)).clip(0, 255).astype(np.uint8)
    assert refusal(seen) is Reason.NO_QR
    assert spy.pixels == [720 * 1280] * 4


@pytest.mark.parametrize("shape", [(5000, 8000), (20_000, 2000), (1300, 2000)])
def test_a_huge_frame_is_made_smaller_before_anything_looks_at_it(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]
) -> None:
    spy = Spy(monkeypatch)
    assert refusal(np.full((*shape, 3), 110, np.uint8)) is Reason.NO_QR
    assert len(spy.pixels) == 4 and 600_000 < max(spy.pixels) <= 2_500_000


def test_a_code_that_fills_a_huge_frame_is_read() -> None:
    huge = cv2.resize(drawn(OFFLINE), (6000, 6000), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    assert ZxingReader().read(huge) == OFFLINE


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\xff\xd8\xff\xe0" * 9])
def test_a_broken_picture_is_a_value(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "frame.png"
    path.write_bytes(content)
    assert isinstance(load_frame(path), BrokenFrame)


def test_what_is_no_ordinary_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing", Path("/dev/zero"), Path("a\0b")):
        assert isinstance(load_frame(path), BrokenFrame)


def test_a_header_that_promises_a_giant_is_not_decoded(tmp_path: Path) -> None:
    raw = bytearray(cv2.imencode(".png", drawn(TEXT))[1].tobytes())
    raw[16:24] = (100_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(raw)
    assert isinstance(load_frame(tmp_path / "bomb.png"), BrokenFrame)


def test_a_folder_is_a_source_in_order_of_names(tmp_path: Path) -> None:
    for name, grey in (("b.png", 20), ("a.jpg", 10), ("notes.txt", 0)):
        if name.endswith("txt"):
            (tmp_path / name).write_text("no picture")
        else:
            cv2.imwrite(str(tmp_path / name), np.full((48, 48, 3), grey, np.uint8))
    (tmp_path / "c.png").write_bytes(b"torn")
    source = open_frames(f"dir:{tmp_path}")
    frames = list(source)
    source.close()
    assert [frame if isinstance(frame, BrokenFrame) else round(float(frame.mean())) for frame in frames[:2]] == [10, 20]
    assert isinstance(frames[2], BrokenFrame) and len(frames) == 3


def test_a_watched_folder_shows_each_picture_once_it_is_whole(tmp_path: Path) -> None:
    path, rounds = tmp_path / "face.png", 0
    raw = cv2.imencode(".png", np.full((48, 48, 3), 90, np.uint8))[1].tobytes()
    path.write_bytes(raw[:30])

    def pause() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            path.write_bytes(raw)  # still being written at the first look
        if rounds == 4:
            path.unlink()

    seen: list[float] = []
    for frame in WatchedFolder(tmp_path, pause):
        if not isinstance(frame, BrokenFrame):
            seen.append(float(frame.mean()))
        if rounds == 6:
            break
    assert seen == [90]


def test_a_video_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "lane.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for grey in (10, 120, 240):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()
    source = open_frames(f"video:{path}")
    shades = [float(frame.mean()) for frame in source if not isinstance(frame, BrokenFrame)]
    source.close()
    assert shades == pytest.approx([10, 120, 240], abs=4)


def test_a_source_that_is_not_there_says_so(tmp_path: Path) -> None:
    for missing in (f"dir:{tmp_path}/none", f"video:{tmp_path}/none.mp4"):
        with pytest.raises(FileNotFoundError):
            open_frames(missing)
    for wrong in ("", "camera:", "camera:-1", "camera:x", "rtsp://host", "dir:"):
        with pytest.raises(ValueError, match="frames come from"):
            open_frames(wrong)


def test_the_simulated_interlock_holds_the_exit_while_the_entry_is_open() -> None:
    doors = SimulatedDoors(walks=lambda door: False)
    doors.open_entry()
    with pytest.raises(DoorFault):
        doors.open_exit()
    doors.close_entry()
    doors.open_exit()
    assert doors.sensed() == [Happened.ENTRY_CLOSED] and doors.exit_is_open


def test_the_doors_counter_outlives_the_process(tmp_path: Path) -> None:
    first = SimulatedDoors(tmp_path / "count")
    assert first.exit_openings() == 0
    first.open_exit()
    assert SimulatedDoors(tmp_path / "count").exit_openings() == 1
    assert SimulatedDoors().exit_openings() is None
