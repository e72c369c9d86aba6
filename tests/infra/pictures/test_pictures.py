"""Uploaded pictures are written anew by a process of their own; what is none is refused."""

import io
import random

import pytest
from PIL import Image

from infra.pictures import pictures
from infra.pictures.pictures import PictureRefused, PictureTooLarge
from infra.pictures.protocol import MAX_BYTES
from tests.factories.pictures import HOSTILE, bomb, photograph, picture


async def test_a_photograph_is_upright_and_says_nothing_beside_its_pixels() -> None:
    given = photograph("Made-up Road 1")
    assert b"Made-up Road 1" in given
    made = await pictures.reencoded(given)
    assert (made.width, made.height) == (20, 60)
    for content in (made.content, made.small):
        with Image.open(io.BytesIO(content)) as written:
            assert written.format == "WEBP"
            assert not written.getexif() and "icc_profile" not in written.info
        assert b"Made-up Road 1" not in content


async def test_a_large_picture_is_made_smaller() -> None:
    made = await pictures.reencoded(picture("WEBP", (3_200, 800)))
    assert (made.width, made.height) == (1_600, 400)
    with Image.open(io.BytesIO(made.small)) as small:
        assert small.size == (128, 32)


async def test_a_picture_that_does_not_compress_is_kept_small_enough_to_store() -> None:
    side = 1_600
    noise = Image.frombytes("RGBA", (side, side), random.Random(1).randbytes(4 * side * side))
    written = io.BytesIO()
    noise.save(written, "WEBP", quality=80, method=0)
    made = await pictures.reencoded(written.getvalue())
    assert len(made.content) <= MAX_BYTES and made.width == made.height


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(PictureRefused):
        await pictures.reencoded(HOSTILE[name])


async def test_a_bomb_is_not_decoded() -> None:
    given = bomb()
    assert len(given) < 100_000
    with pytest.raises(PictureTooLarge):
        await pictures.reencoded(given)
