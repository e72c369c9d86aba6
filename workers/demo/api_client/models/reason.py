# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Reason = Literal["changed_mind", "damaged_on_arrival", "does_not_fit", "not_as_described", "other", "wrong_item_sent"]

REASON_VALUES: set[Reason] = {
    "changed_mind",
    "damaged_on_arrival",
    "does_not_fit",
    "not_as_described",
    "other",
    "wrong_item_sent",
}


def check_reason(value: str) -> Reason:
    if value in REASON_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {REASON_VALUES!r}")
