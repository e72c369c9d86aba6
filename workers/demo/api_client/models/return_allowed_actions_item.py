# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ReturnAllowedActionsItem = Literal["approve", "cancel", "inspect", "receive", "reject"]

RETURN_ALLOWED_ACTIONS_ITEM_VALUES: set[ReturnAllowedActionsItem] = {
    "approve",
    "cancel",
    "inspect",
    "receive",
    "reject",
}


def check_return_allowed_actions_item(value: str) -> ReturnAllowedActionsItem:
    if value in RETURN_ALLOWED_ACTIONS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RETURN_ALLOWED_ACTIONS_ITEM_VALUES!r}")
