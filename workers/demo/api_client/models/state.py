# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

State = Literal[
    "closed", "in_progress", "needs_attention", "on_hold", "paused", "retrying", "waiting", "workflow_error"
]

STATE_VALUES: set[State] = {
    "closed",
    "in_progress",
    "needs_attention",
    "on_hold",
    "paused",
    "retrying",
    "waiting",
    "workflow_error",
}


def check_state(value: str) -> State:
    if value in STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STATE_VALUES!r}")
