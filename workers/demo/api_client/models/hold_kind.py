# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

HoldKind = Literal["address", "manual", "payment", "risk", "stock"]

HOLD_KIND_VALUES: set[HoldKind] = {
    "address",
    "manual",
    "payment",
    "risk",
    "stock",
}


def check_hold_kind(value: str) -> HoldKind:
    if value in HOLD_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {HOLD_KIND_VALUES!r}")
