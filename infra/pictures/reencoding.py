"""The process that decodes one uploaded picture and writes it anew: nothing of the file itself is kept.

Input: the file. Output: two lengths with the width and height, then the picture and its thumbnail, both WebP. The exit
code says what is wrong with a file.
"""

import io
import sys

from PIL import Image, ImageOps

from infra.pictures.opening import Refused, limit_itself, opened
from infra.pictures.protocol import HEADER, MAX_BYTES

_SIDE, _SMALL_SIDE = 1_600, 128
_ORIENTATION = 0x0112


def main() -> int:
    """One picture from standard input to standard output."""
    limit_itself()
    try:
        picture = opened(sys.stdin.buffer.read(), _clean, _SIDE)
    except Refused as refused:
        return refused.exit_code
    large = _webp(picture, _SIDE, 82)
    if len(large) > MAX_BYTES:  # noise with transparency: half a side is a quarter of the bytes
        large = _webp(picture, _SIDE // 2, 82)
    size = picture.size
    small = _webp(picture, _SMALL_SIDE, 75)
    sys.stdout.buffer.write(HEADER.pack(len(large), len(small), *size) + large + small)
    return 0


def _clean(file: Image.Image) -> Image.Image:
    """The first frame as it is looked at."""
    decoded = file.convert("RGBA" if file.has_transparency_data else "RGB")
    decoded.info = {}  # neither EXIF, nor a colour profile, nor XMP goes along
    decoded.thumbnail((_SIDE, _SIDE))
    return _turned(decoded, file.getexif().get(_ORIENTATION))


def _turned(picture: Image.Image, orientation: int | None) -> Image.Image:
    """Upright, as a telephone notes it beside the pixels."""
    picture.getexif()[_ORIENTATION] = orientation or 1
    upright = ImageOps.exif_transpose(picture)
    upright.info = {}
    return upright


def _webp(picture: Image.Image, side: int, quality: int) -> bytes:
    """It is made smaller in place."""
    picture.thumbnail((side, side))
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=quality, exif=b"")
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main())
