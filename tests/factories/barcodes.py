"""Photographs of barcodes, as a telephone takes them."""

import io

import zxingcpp
from PIL import Image


def barcode(text: str, scale: int = 4) -> Image.Image:
    """A Code 128 with its quiet zone, black on white."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    return Image.fromarray(zxingcpp.write_barcode_to_image(made, scale=scale, add_quiet_zones=True)).convert("L")


def photograph(*texts: str, turned: float = 7.0) -> bytes:
    """A grey JPEG of 3,000 by 2,000 pixels with one barcode above the other, a bit askew."""
    seen = Image.new("L", (3_000, 2_000), 190)
    for n, text in enumerate(texts):
        seen.paste(barcode(text).rotate(turned, expand=True, fillcolor=255), (300, 200 + n * 900))
    written = io.BytesIO()
    seen.save(written, "JPEG", quality=80)
    return written.getvalue()
