# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

OrderShipmentStatus = Literal[
    "booked", "booking", "cancelled", "delivered", "in_transit", "lost", "picked_up", "refused"
]

ORDER_SHIPMENT_STATUS_VALUES: set[OrderShipmentStatus] = {
    "booked",
    "booking",
    "cancelled",
    "delivered",
    "in_transit",
    "lost",
    "picked_up",
    "refused",
}


def check_order_shipment_status(value: str) -> OrderShipmentStatus:
    if value in ORDER_SHIPMENT_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORDER_SHIPMENT_STATUS_VALUES!r}")
