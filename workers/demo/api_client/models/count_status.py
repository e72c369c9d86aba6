# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

CountStatus = Literal["awaiting_approval", "posted", "refused", "short"]

COUNT_STATUS_VALUES: set[CountStatus] = {
    "awaiting_approval",
    "posted",
    "refused",
    "short",
}


def check_count_status(value: str) -> CountStatus:
    if value in COUNT_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {COUNT_STATUS_VALUES!r}")
