# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Condition = Literal["as_new", "damaged", "lost", "missing", "wrong_item"]

CONDITION_VALUES: set[Condition] = {
    "as_new",
    "damaged",
    "lost",
    "missing",
    "wrong_item",
}


def check_condition(value: str) -> Condition:
    if value in CONDITION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CONDITION_VALUES!r}")
