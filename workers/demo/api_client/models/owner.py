# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Owner = Literal[
    "carrier", "customer", "engineering", "finance", "operations", "payment_provider", "support", "system", "warehouse"
]

OWNER_VALUES: set[Owner] = {
    "carrier",
    "customer",
    "engineering",
    "finance",
    "operations",
    "payment_provider",
    "support",
    "system",
    "warehouse",
}


def check_owner(value: str) -> Owner:
    if value in OWNER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OWNER_VALUES!r}")
