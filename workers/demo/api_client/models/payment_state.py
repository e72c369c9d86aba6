# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

PaymentState = Literal[
    "authorised",
    "disputed",
    "on_terms",
    "paid",
    "partially_paid",
    "partially_refunded",
    "pending",
    "refunded",
    "voided",
]

PAYMENT_STATE_VALUES: set[PaymentState] = {
    "authorised",
    "disputed",
    "on_terms",
    "paid",
    "partially_paid",
    "partially_refunded",
    "pending",
    "refunded",
    "voided",
}


def check_payment_state(value: str) -> PaymentState:
    if value in PAYMENT_STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PAYMENT_STATE_VALUES!r}")
