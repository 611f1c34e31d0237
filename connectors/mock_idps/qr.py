"""A QR code as SVG, for the pages of the mocks that show one."""

from typing import Final

import qrcode

QUIET_ZONE: Final = 4  # modules, ISO/IEC 18004
SCALE: Final = 4


def svg(text: str) -> str:
    """An `<svg>` element, level M, with its quiet zone."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    rows: list[list[bool]] = code.get_matrix()
    dark = "".join(f"M{x} {y}h1v1h-1Z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    side = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side * SCALE}" height="{side * SCALE}" '
        f'viewBox="0 0 {side} {side}"><rect width="{side}" height="{side}" fill="#fff"/><path d="{dark}"/></svg>'
    )
