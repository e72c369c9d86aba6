# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Priority = Literal["standard", "urgent", "vip"]

PRIORITY_VALUES: set[Priority] = {
    "standard",
    "urgent",
    "vip",
}


def check_priority(value: str) -> Priority:
    if value in PRIORITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PRIORITY_VALUES!r}")
