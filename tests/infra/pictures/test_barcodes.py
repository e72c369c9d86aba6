"""Barcodes on photographs, read by a process of its own."""

import pytest

from infra.pictures import pictures
from infra.pictures.pictures import PictureRefused
from tests.factories.barcodes import photograph
from tests.factories.pictures import HOSTILE


@pytest.mark.parametrize("turned", [0.0, 7.0, 90.0, 183.0])
async def test_a_barcode_is_read_at_any_angle(turned: float) -> None:
    assert await pictures.barcodes(photograph("AN-17", turned=turned)) == ["AN-17"]


async def test_each_code_on_a_photograph_is_read_once() -> None:
    assert sorted(await pictures.barcodes(photograph("ONE-1", "TWO-2"))) == ["ONE-1", "TWO-2"]
    assert await pictures.barcodes(photograph("ONE-1", "ONE-1")) == ["ONE-1"]
    assert await pictures.barcodes(photograph()) == []


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(PictureRefused):
        await pictures.barcodes(HOSTILE[name])
