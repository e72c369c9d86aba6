# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Lateness = Literal["moved", "passed"]

LATENESS_VALUES: set[Lateness] = {
    "moved",
    "passed",
}


def check_lateness(value: str) -> Lateness:
    if value in LATENESS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LATENESS_VALUES!r}")
