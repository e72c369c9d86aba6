# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ReturnDue = Literal["approve", "complete", "expire", "inspect", "remind", "take_as_lost"]

RETURN_DUE_VALUES: set[ReturnDue] = {
    "approve",
    "complete",
    "expire",
    "inspect",
    "remind",
    "take_as_lost",
}


def check_return_due(value: str) -> ReturnDue:
    if value in RETURN_DUE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RETURN_DUE_VALUES!r}")
