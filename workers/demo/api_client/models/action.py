# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

Action = Literal["amend", "compensate", "give_up", "retry", "skip"]

ACTION_VALUES: set[Action] = {
    "amend",
    "compensate",
    "give_up",
    "retry",
    "skip",
}


def check_action(value: str) -> Action:
    if value in ACTION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ACTION_VALUES!r}")
