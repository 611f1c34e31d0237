"""A phone for the wallet tests: Debian's Chromium with a camera that shows a photograph."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from tests.support.photos import TENANTS, photo
from tests.support.stage import Stage
from wallet_app.app import DIST

PERSON = "iamsmart-chan"
TENANT = TENANTS[1]
# Where the face is in the photograph that is shown to the camera (x, y, width, height in pixels).
FACE = (641, 250, 273, 361)
FRAME = (1280, 960)
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("no browser: run 'apt-get install chromium' as root, or set CHROMIUM to its path")
    return path


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of one photograph, the face as large as one holds a phone."""
    picture = cv2.imread(str(photo(TENANT.enrolment)))
    assert picture is not None
    x, y, width, height = FACE
    scale = FRAME[1] / (width * 3)
    centred = np.array(
        [[scale, 0, FRAME[0] / 2 - scale * (x + width / 2)], [0, scale, FRAME[1] / 2 - scale * (y + height / 2)]]
    )
    frame = cv2.warpAffine(picture, centred, FRAME, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    film = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    film.write_bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() * 10)
    return film


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Broker, providers and wallet as processes."""
    if not (DIST / "index.html").is_file():
        pytest.fail("the wallet's pages are not built: run 'make ui'")
    home = tmp_path_factory.mktemp("stage")
    portraits = home / "portraits"
    portraits.mkdir()
    shutil.copy(photo(TENANT.portrait), portraits / f"{PERSON}.jpg")
    with Stage(home, portraits, providers=("iamsmart",)) as running:
        yield running


@pytest.fixture
def phone(chromium: str, camera: Path, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with a profile of its own, as large as a phone."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium,
            headless=True,
            args=[*SWITCHES, f"--use-file-for-fake-video-capture={camera}"],
            viewport={"width": 390, "height": 844},
            device_scale_factor=3,
            locale="en-GB",
        )
        context.set_default_timeout(30_000)
        yield context
        context.close()
