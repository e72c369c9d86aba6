# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

RefundStatus = Literal["approved", "awaiting_approval", "overtaken", "refused", "succeeded"]

REFUND_STATUS_VALUES: set[RefundStatus] = {
    "approved",
    "awaiting_approval",
    "overtaken",
    "refused",
    "succeeded",
}


def check_refund_status(value: str) -> RefundStatus:
    if value in REFUND_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {REFUND_STATUS_VALUES!r}")
