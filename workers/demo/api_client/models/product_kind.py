# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ProductKind = Literal["made_to_order", "physical", "virtual"]

PRODUCT_KIND_VALUES: set[ProductKind] = {
    "made_to_order",
    "physical",
    "virtual",
}


def check_product_kind(value: str) -> ProductKind:
    if value in PRODUCT_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PRODUCT_KIND_VALUES!r}")
