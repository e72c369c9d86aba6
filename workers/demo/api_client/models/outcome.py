# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Outcome = Literal["cancel", "release"]

OUTCOME_VALUES: set[Outcome] = {
    "cancel",
    "release",
}


def check_outcome(value: str) -> Outcome:
    if value in OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OUTCOME_VALUES!r}")
