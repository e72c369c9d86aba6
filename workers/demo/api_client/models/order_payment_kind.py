# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

OrderPaymentKind = Literal["authorise", "capture", "dispute", "dispute_won", "refund", "refund_reversed", "void"]

ORDER_PAYMENT_KIND_VALUES: set[OrderPaymentKind] = {
    "authorise",
    "capture",
    "dispute",
    "dispute_won",
    "refund",
    "refund_reversed",
    "void",
}


def check_order_payment_kind(value: str) -> OrderPaymentKind:
    if value in ORDER_PAYMENT_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORDER_PAYMENT_KIND_VALUES!r}")
