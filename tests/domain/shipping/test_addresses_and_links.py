"""What is probably wrong with a refused address, and where a parcel is followed."""

import pytest

from domain.shipping.address_checks import suspect_parts
from domain.shipping.tracking_links import tracking_link

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
