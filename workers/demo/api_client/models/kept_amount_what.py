# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

KeptAmountWhat = Literal["goods", "shipping"]

KEPT_AMOUNT_WHAT_VALUES: set[KeptAmountWhat] = {
    "goods",
    "shipping",
}


def check_kept_amount_what(value: str) -> KeptAmountWhat:
    if value in KEPT_AMOUNT_WHAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KEPT_AMOUNT_WHAT_VALUES!r}")
