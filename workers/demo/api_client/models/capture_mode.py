# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

CaptureMode = Literal["order", "shipment"]

CAPTURE_MODE_VALUES: set[CaptureMode] = {
    "order",
    "shipment",
}


def check_capture_mode(value: str) -> CaptureMode:
    if value in CAPTURE_MODE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CAPTURE_MODE_VALUES!r}")
