# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

FoundLineCondition = Literal["as_new", "damaged", "missing", "wrong_item"]

FOUND_LINE_CONDITION_VALUES: set[FoundLineCondition] = {
    "as_new",
    "damaged",
    "missing",
    "wrong_item",
}


def check_found_line_condition(value: str) -> FoundLineCondition:
    if value in FOUND_LINE_CONDITION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FOUND_LINE_CONDITION_VALUES!r}")
