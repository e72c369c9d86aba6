# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

OrderPaymentStatus = Literal["failed", "intent", "pending", "succeeded"]

ORDER_PAYMENT_STATUS_VALUES: set[OrderPaymentStatus] = {
    "failed",
    "intent",
    "pending",
    "succeeded",
}


def check_order_payment_status(value: str) -> OrderPaymentStatus:
    if value in ORDER_PAYMENT_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORDER_PAYMENT_STATUS_VALUES!r}")
