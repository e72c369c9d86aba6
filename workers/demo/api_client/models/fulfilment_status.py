# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

FulfilmentStatus = Literal[
    "booked", "cancelled", "delivered", "failed", "packed", "picking", "planned", "reserved", "shipped"
]

FULFILMENT_STATUS_VALUES: set[FulfilmentStatus] = {
    "booked",
    "cancelled",
    "delivered",
    "failed",
    "packed",
    "picking",
    "planned",
    "reserved",
    "shipped",
}


def check_fulfilment_status(value: str) -> FulfilmentStatus:
    if value in FULFILMENT_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FULFILMENT_STATUS_VALUES!r}")
