# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

KeptAmountWhy = Literal["refunded_before", "shipping_is_kept_unless_the_shop_is_at_fault"]

KEPT_AMOUNT_WHY_VALUES: set[KeptAmountWhy] = {
    "refunded_before",
    "shipping_is_kept_unless_the_shop_is_at_fault",
}


def check_kept_amount_why(value: str) -> KeptAmountWhy:
    if value in KEPT_AMOUNT_WHY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KEPT_AMOUNT_WHY_VALUES!r}")
