"""A QR code as SVG, for the pages of the mocks that show one."""

import zxingcpp


def svg(text: str) -> str:
    """An `<svg>` element, level M, with its quiet zone."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    document = str(zxingcpp.write_barcode_to_svg(code, scale=4, add_quiet_zones=True))
    return document[document.index("<svg") :]
