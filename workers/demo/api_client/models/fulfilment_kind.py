# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

FulfilmentKind = Literal["codes", "parcel", "production", "service"]

FULFILMENT_KIND_VALUES: set[FulfilmentKind] = {
    "codes",
    "parcel",
    "production",
    "service",
}


def check_fulfilment_kind(value: str) -> FulfilmentKind:
    if value in FULFILMENT_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FULFILMENT_KIND_VALUES!r}")
