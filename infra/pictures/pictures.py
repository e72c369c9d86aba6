"""An uploaded picture as the product keeps it: checked by its content, bounded, written anew without metadata."""

import asyncio
import json
from dataclasses import dataclass, field

from infra import child_process
from infra.pictures.protocol import HEADER, TOO_LARGE

MEDIA_TYPE = "image/webp"
# Decoding takes memory and a processor: whoever uploads waits, orders do not.
_ROOM = asyncio.Semaphore(2)
_TIMEOUT_S = 30.0


class PictureRefused(Exception):
    """Not a PNG, JPEG or WebP picture that can be decoded."""


class PictureTooLarge(PictureRefused):
    """It has more pixels than anybody needs."""


class PicturesBusy(Exception):
    """Too many are uploaded at once."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A WebP picture, at most 1,600 pixels a side, with a thumbnail of at most 128."""

    content: bytes = field(repr=False)
    small: bytes = field(repr=False)
    width: int
    height: int


async def reencoded(content: bytes) -> Picture:
    """The picture in an uploaded file. Raises PictureRefused, PictureTooLarge, PicturesBusy."""
    return _unpacked(await _decoded("infra.pictures.reencoding", content))


async def barcodes(content: bytes) -> list[str]:
    """The texts of the barcodes on an uploaded photograph, each once. Raises what `reencoded` raises."""
    return list(dict.fromkeys(json.loads(await _decoded("infra.pictures.barcode_reading", content))))


async def _decoded(module: str, content: bytes) -> bytes:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await _ROOM.acquire()
    except TimeoutError:
        raise PicturesBusy from None
    try:
        code, made = await child_process.output_of(module, (), content, _TIMEOUT_S)
    except TimeoutError:
        raise PictureRefused from None
    finally:
        _ROOM.release()
    if code == TOO_LARGE:
        raise PictureTooLarge
    if code != 0:
        raise PictureRefused
    return made


def _unpacked(made: bytes) -> Picture:
    large, small, width, height = HEADER.unpack_from(made)
    start = HEADER.size
    return Picture(made[start : start + large], made[start + large : start + large + small], width, height)
