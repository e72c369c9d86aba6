# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

PlaceOrderType = Literal["b2b", "made_to_order", "standard", "virtual"]

PLACE_ORDER_TYPE_VALUES: set[PlaceOrderType] = {
    "b2b",
    "made_to_order",
    "standard",
    "virtual",
}


def check_place_order_type(value: str) -> PlaceOrderType:
    if value in PLACE_ORDER_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PLACE_ORDER_TYPE_VALUES!r}")
