# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Origin = Literal["amendment", "exchange", "provider", "return", "support"]

ORIGIN_VALUES: set[Origin] = {
    "amendment",
    "exchange",
    "provider",
    "return",
    "support",
}


def check_origin(value: str) -> Origin:
    if value in ORIGIN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORIGIN_VALUES!r}")
