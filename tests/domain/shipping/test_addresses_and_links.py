"""What is probably wrong with a refused address, and where a parcel is followed."""

import pytest

from domain.shipping.address_checks import suspect_parts
from domain.shipping.tracking_links import shops_pages, tracking_link

GOOD = {"name": "Ben", "line1": "1 Main St", "city": "Cincinnati", "province": "OH", "country": "US"}


@pytest.mark.parametrize(
    ("changed", "suspects"),
    [
        ({"postcode": "45202"}, []),
        ({"postcode": "45202-1234"}, []),
        ({"postcode": "4520"}, ["postcode"]),
        ({"postcode": ""}, ["postcode"]),
        ({"postcode": "SW1A 1AA", "country": "GB"}, []),
        ({"postcode": "sw1a1aa", "country": "GB"}, []),
        ({"postcode": "200000", "country": "CN"}, []),
        ({"postcode": "20000", "country": "CN"}, ["postcode"]),
        ({"postcode": "any form", "country": "BR"}, []),
        ({"postcode": "45202", "city": " ", "line1": None}, ["line1", "city"]),
    ],
)
def test_the_parts_that_a_carrier_probably_refuses(changed: dict[str, str | None], suspects: list[str]) -> None:
    assert suspect_parts({**GOOD, **changed}) == suspects


def test_a_parcel_is_followed_at_its_carrier() -> None:
    assert tracking_link("ups", "1Z 9&x") == "https://www.ups.com/track?tracknum=1Z%209%26x"
    assert tracking_link("UPS", "1Z") == tracking_link("ups", "1Z")
    assert tracking_link("sandbox", "SBX1") is None
    assert tracking_link("ups", None) is None
    assert tracking_link("SF Express", "SF1") == tracking_link("顺丰", "SF1")


def test_a_shop_sets_the_page_of_a_carrier() -> None:
    shops = shops_pages(["GLS=https://gls.example/{number}/way?x=1", "ups=https://ups.example/{number}"])
    assert tracking_link("gls", "A/1", shops) == "https://gls.example/A%2F1/way?x=1"
    assert tracking_link("UPS", "1Z", shops) == "https://ups.example/1Z" != tracking_link("ups", "1Z")


@pytest.mark.parametrize(
    "typed", ["gls", "gls=http://gls.example/{number}", "gls=https://gls.example/", "=https://x/{number}", "a=b"]
)
def test_a_page_that_is_no_https_address_with_a_place_for_the_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="JSON list"):
        shops_pages([typed])
