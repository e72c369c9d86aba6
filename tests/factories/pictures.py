"""Pictures as people upload them, well-formed and hostile."""

import io
from typing import Any

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **more: Any) -> bytes:
    """A picture of one colour in this format."""
    written = io.BytesIO()
    Image.new(mode, size, "#c81e1e" if mode == "RGB" else 1).save(written, kind, **more)
    return written.getvalue()


def photograph(note: str) -> bytes:
    """A JPEG that lies on its side, with a note in its EXIF data."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, note
    return picture("JPEG", (60, 20), exif=exif)


HOSTILE = {
    "a script as SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "a GIF named .png": picture("GIF"),
    "a page": b"<html><script>alert(1)</script></html>",
    "half a picture": photograph("x")[:300],
    "only the signature": b"\x89PNG\r\n\x1a\n",
    "one byte": b"\x00",
}


def bomb() -> bytes:
    """A few kilobytes that decode to 81 megapixels."""
    return picture("PNG", (9_000, 9_000), "1")
