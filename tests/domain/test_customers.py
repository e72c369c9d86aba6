"""How a customer is reached and where a parcel goes keep the JSON that the database stores."""

from typing import Any

import pytest

from domain.customers import CustomerProfile
from domain.orders.addresses import ShippingAddress

ADDRESS = {
    "name": "Li Lei",
    "phone": "+8613800000000",
    "country": "CN",
    "province": "Zhejiang",
    "city": "Hangzhou",
    "district": "Xihu",
    "line1": "Wensan Road 90",
    "postcode": "310012",
}
CONTACT = {"name": "Li Lei", "email": "li@example.com", "phone": None}


@pytest.mark.parametrize("stored", [CONTACT, CONTACT | {"language": "zh"}])
def test_a_profile_is_stored_as_it_was_read(stored: dict[str, Any]) -> None:
    assert CustomerProfile.from_json(stored).as_json() == stored


def test_an_address_is_stored_as_it_was_read() -> None:
    assert ShippingAddress.from_json(ADDRESS).as_json() == ADDRESS


def test_a_part_that_an_old_address_does_not_have_is_empty() -> None:
    old = {name: part for name, part in ADDRESS.items() if name not in ("district", "postcode")}
    assert ShippingAddress.from_json(old).as_json() == old | {"district": "", "postcode": ""}
