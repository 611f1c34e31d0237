"""Travel codes as pictures: what a wallet shows, for tests and benches."""

import cv2
import numpy as np
import qrcode
from numpy.typing import NDArray
from qrcode.util import MODE_ALPHA_NUM, QRData

QUIET_ZONE = 4  # modules, ISO/IEC 18004


def _code(text: str) -> qrcode.QRCode:
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=QUIET_ZONE)
    # One alphanumeric segment: 5.5 bits a character, which base45 is made for.
    code.add_data(QRData(text, mode=MODE_ALPHA_NUM))
    code.make(fit=True)
    return code


def qr_version(text: str) -> int:
    """Return the smallest QR version that holds `text` at level M."""
    return int(_code(text).version)


def qr_modules(text: str) -> NDArray[np.uint8]:
    """Return the symbol with its quiet zone, one pixel a module: 0 dark, 255 light."""
    return np.where(np.array(_code(text).get_matrix(), dtype=bool), 0, 255).astype(np.uint8)


def render_qr(text: str, px: int) -> NDArray[np.uint8]:
    """Return a (px, px, 3) BGR picture of the code at level M, quiet zone of four modules included."""
    modules = qr_modules(text)
    scale = -(-px // modules.shape[0])
    large = np.kron(modules, np.ones((scale, scale), np.uint8))
    grey = large if large.shape[0] == px else cv2.resize(large, (px, px), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


# Rows and columns of a frame, and the focal length in pixels: 65 degrees across. A code wider than 500 pixels no longer
# fits the smaller frame at every tilt.
HD, FULL_HD = ((720, 1280), 1000.0), ((1080, 1920), 1500.0)
SUPERSAMPLE = 2
INK, PAPER, SURROUNDING = 30.0, 220.0, 90.0


def photograph(
    modules: NDArray[np.uint8], px: int, *, blur: float, tilt: float, noise: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a grey frame (720p, above 500 px 1080p) of a code held before a pinhole camera.

    `px`: width in the frame, quiet zone included, when held straight; `blur`: sigma of a Gaussian, pixels; `tilt`:
    degrees away from the camera, about an axis drawn at random; `noise`: sigma of Gaussian noise, of 255. A roll within
    8 degrees and a shift of up to 10 pixels are drawn too. Screen moire, glare and a rolling shutter are not modelled.
    """
    side = -(-2 * px // modules.shape[0])
    picture = np.kron(modules, np.ones((side, side), np.uint8)).astype(np.float32)
    picture = INK + picture * ((PAPER - INK) / 255)
    edge = picture.shape[0]
    source = np.array([[0, 0], [edge, 0], [edge, edge], [0, edge]], np.float32) - 0.5
    (rows, columns), focal = HD if px <= 500 else FULL_HD
    centre = np.array([columns, rows]) / 2 + rng.uniform(-10, 10, 2)
    target = (_projected(px, focal, np.deg2rad(tilt), rng) + centre).astype(np.float32)
    onto = np.diag([SUPERSAMPLE, SUPERSAMPLE, 1.0]) @ cv2.getPerspectiveTransform(source, target)
    size = (columns * SUPERSAMPLE, rows * SUPERSAMPLE)
    frame = cv2.warpPerspective(picture, onto, size, flags=cv2.INTER_AREA, borderValue=SURROUNDING)
    frame = cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA)
    if blur:
        frame = cv2.GaussianBlur(frame, (0, 0), blur)
    if noise:
        frame = frame + rng.normal(0, noise, frame.shape)
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def _projected(px: int, focal: float, tilt: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the four corners of a square of `px`, rolled, tilted about a random axis and seen through the pinhole."""
    roll, azimuth = np.deg2rad(rng.uniform(-8, 8)), rng.uniform(0, 2 * np.pi)
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float64) * (px / 2)
    corners = corners @ _rotation(np.array([0.0, 0.0, 1.0]), roll).T
    corners = corners @ _rotation(np.array([np.cos(azimuth), np.sin(azimuth), 0.0]), tilt).T
    return corners[:, :2] * (focal / (focal + corners[:, 2:]))


def _rotation(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return Rodrigues' rotation about the unit `axis`."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
