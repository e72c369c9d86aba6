# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Status = Literal["cancelled", "completed", "delivered", "paid", "pending_payment", "preparing", "received", "shipped"]

STATUS_VALUES: set[Status] = {
    "cancelled",
    "completed",
    "delivered",
    "paid",
    "pending_payment",
    "preparing",
    "received",
    "shipped",
}


def check_status(value: str) -> Status:
    if value in STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STATUS_VALUES!r}")
