# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

TransferStatus = Literal["cancelled", "received", "requested", "shipped"]

TRANSFER_STATUS_VALUES: set[TransferStatus] = {
    "cancelled",
    "received",
    "requested",
    "shipped",
}


def check_transfer_status(value: str) -> TransferStatus:
    if value in TRANSFER_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TRANSFER_STATUS_VALUES!r}")
