"""The carriers that are connected, and addresses as they take them."""

from collections.abc import Mapping

from domain.errors import RuleBroken
from domain.gateways import Address, CarrierGateway
from domain.json_types import JsonObject

_FIELDS = ("country", "province", "city", "district", "line1", "postcode", "name", "phone")


class Carriers:
    """The connected carriers, by name."""

    def __init__(self, connected: Mapping[str, CarrierGateway]) -> None:
        self._connected = connected

    def named(self, name: str) -> CarrierGateway:
        """Raises RuleBroken `carrier_not_connected`."""
        carrier = self._connected.get(name)
        if carrier is None:
            raise RuleBroken("carrier_not_connected")
        return carrier


def address_of(stored: JsonObject) -> Address:
    """An address as orders store it; what is missing is empty."""
    return Address(**{name: stored.get(name) or "" for name in _FIELDS})
