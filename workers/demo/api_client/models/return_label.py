# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ReturnLabel = Literal["booked", "failed", "none", "wanted"]

RETURN_LABEL_VALUES: set[ReturnLabel] = {
    "booked",
    "failed",
    "none",
    "wanted",
}


def check_return_label(value: str) -> ReturnLabel:
    if value in RETURN_LABEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RETURN_LABEL_VALUES!r}")
