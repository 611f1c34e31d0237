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
