"""Where an order's parcel goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ShippingAddress:
    """The receiver and the place; `country` is ISO 3166-1 alpha-2."""

    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ShippingAddress":
        """The address as the database keeps it; a part that an old one does not have is empty."""
        return cls(**{name: stored.get(name) or "" for name in cls.__slots__})

    def as_json(self) -> dict[str, str]:
        """As the database keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}
