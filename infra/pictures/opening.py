"""How a process opens one uploaded picture: bounded in formats, pixels, memory and time."""

import io
import resource
from collections.abc import Callable

from PIL import Image

from infra.pictures.protocol import TOO_LARGE, UNREADABLE

_FORMATS = ("PNG", "JPEG", "WEBP")
_MAX_PIXELS = 50_000_000
_MEMORY_BYTES, _CPU_S = 800_000_000, 20


class Refused(Exception):
    """It is not decoded. `exit_code` says why."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def limit_itself() -> None:
    """What this process may use; beyond it the system ends it."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    Image.MAX_IMAGE_PIXELS = None  # the size is judged in `opened`, before a pixel is decoded


def opened(content: bytes, decode: Callable[[Image.Image], Image.Image], side: int) -> Image.Image:
    """What `decode` makes of the file; a JPEG is decoded at a fraction of its size, not below `side` pixels.
    Raises Refused."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as file:
            if file.width * file.height > _MAX_PIXELS:
                raise Refused(TOO_LARGE)
            file.draft("RGB", (side, side))
            return decode(file)
    except Refused:
        raise
    except Exception:  # a decoder has its own errors for each way in which a file is broken
        raise Refused(UNREADABLE) from None
