# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Resolution = Literal["exchange", "refund", "store_credit"]

RESOLUTION_VALUES: set[Resolution] = {
    "exchange",
    "refund",
    "store_credit",
}


def check_resolution(value: str) -> Resolution:
    if value in RESOLUTION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RESOLUTION_VALUES!r}")
