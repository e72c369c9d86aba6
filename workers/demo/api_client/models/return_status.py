# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ReturnStatus = Literal[
    "approved", "cancelled", "completed", "expired", "in_transit", "inspected", "received", "rejected", "requested"
]

RETURN_STATUS_VALUES: set[ReturnStatus] = {
    "approved",
    "cancelled",
    "completed",
    "expired",
    "in_transit",
    "inspected",
    "received",
    "rejected",
    "requested",
}


def check_return_status(value: str) -> ReturnStatus:
    if value in RETURN_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RETURN_STATUS_VALUES!r}")
