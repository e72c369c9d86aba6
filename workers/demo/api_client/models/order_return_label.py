# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

OrderReturnLabel = Literal["booked", "failed", "none", "wanted"]

ORDER_RETURN_LABEL_VALUES: set[OrderReturnLabel] = {
    "booked",
    "failed",
    "none",
    "wanted",
}


def check_order_return_label(value: str) -> OrderReturnLabel:
    if value in ORDER_RETURN_LABEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORDER_RETURN_LABEL_VALUES!r}")
