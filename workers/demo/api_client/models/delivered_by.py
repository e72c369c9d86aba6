# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

DeliveredBy = Literal["code", "confirmation"]

DELIVERED_BY_VALUES: set[DeliveredBy] = {
    "code",
    "confirmation",
}


def check_delivered_by(value: str) -> DeliveredBy:
    if value in DELIVERED_BY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DELIVERED_BY_VALUES!r}")
