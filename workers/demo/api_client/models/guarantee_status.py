# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

GuaranteeStatus = Literal[
    "authorised", "claim_due", "claimed", "declined", "dropped", "given_up", "release_due", "released", "wanted"
]

GUARANTEE_STATUS_VALUES: set[GuaranteeStatus] = {
    "authorised",
    "claim_due",
    "claimed",
    "declined",
    "dropped",
    "given_up",
    "release_due",
    "released",
    "wanted",
}


def check_guarantee_status(value: str) -> GuaranteeStatus:
    if value in GUARANTEE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {GUARANTEE_STATUS_VALUES!r}")
