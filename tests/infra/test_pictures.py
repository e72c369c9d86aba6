"""Uploaded pictures are written anew by a process of their own; what is none is refused."""

import io

import pytest
from PIL import Image

from infra.pictures import pictures
from infra.pictures.pictures import PictureRefused, PictureTooLarge
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


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(PictureRefused):
        await pictures.reencoded(HOSTILE[name])


async def test_a_bomb_is_not_decoded() -> None:
    given = bomb()
    assert len(given) < 100_000
    with pytest.raises(PictureTooLarge):
        await pictures.reencoded(given)
