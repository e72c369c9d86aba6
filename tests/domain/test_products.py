"""Barcodes by their check digit."""

import pytest

from domain.products import is_gtin


@pytest.mark.parametrize("code", ["4006381333931", "036000291452", "96385074", "10614141000415", "0000000000000"])
def test_a_barcode_with_its_check_digit(code: str) -> None:
    assert is_gtin(code)


@pytest.mark.parametrize(
    "code", ["4006381333932", "036000291453", "4006381333", "", "400638133393١", "-006381333931", " 4006381333931"]
)
def test_what_is_no_barcode(code: str) -> None:
    assert not is_gtin(code)
