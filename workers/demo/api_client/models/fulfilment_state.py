# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

FulfilmentState = Literal["booked", "cancelled", "delivered", "delivery_failed", "in_transit", "on_hold", "unfulfilled"]

FULFILMENT_STATE_VALUES: set[FulfilmentState] = {
    "booked",
    "cancelled",
    "delivered",
    "delivery_failed",
    "in_transit",
    "on_hold",
    "unfulfilled",
}


def check_fulfilment_state(value: str) -> FulfilmentState:
    if value in FULFILMENT_STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FULFILMENT_STATE_VALUES!r}")
