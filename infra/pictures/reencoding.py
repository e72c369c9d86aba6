"""The process that decodes one uploaded picture and writes it anew: nothing of the file itself is kept.

Input: the file. Output: two lengths with the width and height, then the picture and its thumbnail, both WebP. The exit
code says what is wrong with a file.
"""

import io
import resource
import sys

from PIL import Image, ImageOps

from infra.pictures.protocol import HEADER, MAX_BYTES, TOO_LARGE, UNREADABLE

_FORMATS = ("PNG", "JPEG", "WEBP")
_MAX_PIXELS = 50_000_000
_SIDE, _SMALL_SIDE = 1_600, 128
_ORIENTATION = 0x0112
_MEMORY_BYTES, _CPU_S = 800_000_000, 20


def main() -> int:
    """One picture from standard input to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    Image.MAX_IMAGE_PIXELS = None  # the size is judged below, before a pixel is decoded
    try:
        picture = _opened(sys.stdin.buffer.read())
    except Image.DecompressionBombError:
        return TOO_LARGE
    except Exception:  # a decoder has its own errors for each way in which a file is broken
        return UNREADABLE
    large = _webp(picture, _SIDE, 82)
    if len(large) > MAX_BYTES:  # noise with transparency: half a side is a quarter of the bytes
        large = _webp(picture, _SIDE // 2, 82)
    size = picture.size
    small = _webp(picture, _SMALL_SIDE, 75)
    sys.stdout.buffer.write(HEADER.pack(len(large), len(small), *size) + large + small)
    return 0


def _opened(content: bytes) -> Image.Image:
    """The first frame as it is looked at."""
    with Image.open(io.BytesIO(content), formats=_FORMATS) as file:
        if file.width * file.height > _MAX_PIXELS:
            raise Image.DecompressionBombError
        file.draft("RGB", (_SIDE, _SIDE))  # a JPEG is decoded at a fraction of its size
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
