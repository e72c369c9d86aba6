# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

DemandPattern = Literal["intermittent", "none", "smooth"]

DEMAND_PATTERN_VALUES: set[DemandPattern] = {
    "intermittent",
    "none",
    "smooth",
}


def check_demand_pattern(value: str) -> DemandPattern:
    if value in DEMAND_PATTERN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DEMAND_PATTERN_VALUES!r}")
