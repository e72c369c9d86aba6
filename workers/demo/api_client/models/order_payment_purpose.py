# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

OrderPaymentPurpose = Literal["guarantee", "order", "stray", "supplement", "terms"]

ORDER_PAYMENT_PURPOSE_VALUES: set[OrderPaymentPurpose] = {
    "guarantee",
    "order",
    "stray",
    "supplement",
    "terms",
}


def check_order_payment_purpose(value: str) -> OrderPaymentPurpose:
    if value in ORDER_PAYMENT_PURPOSE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORDER_PAYMENT_PURPOSE_VALUES!r}")
