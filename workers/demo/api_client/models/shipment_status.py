# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ShipmentStatus = Literal["booked", "booking", "cancelled", "delivered", "in_transit", "lost", "picked_up", "refused"]

SHIPMENT_STATUS_VALUES: set[ShipmentStatus] = {
    "booked",
    "booking",
    "cancelled",
    "delivered",
    "in_transit",
    "lost",
    "picked_up",
    "refused",
}


def check_shipment_status(value: str) -> ShipmentStatus:
    if value in SHIPMENT_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SHIPMENT_STATUS_VALUES!r}")
