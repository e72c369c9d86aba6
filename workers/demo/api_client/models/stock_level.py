# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="StockLevel")


@_attrs_define
class StockLevel:
    """
    Attributes:
        warehouse (str):
        on_hand (int):
        reserved (int):
        available (int):
        incoming (int):
        safety_stock (int):
        quarantined (int):
    """

    warehouse: str
    on_hand: int
    reserved: int
    available: int
    incoming: int
    safety_stock: int
    quarantined: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        warehouse = self.warehouse

        on_hand = self.on_hand

        reserved = self.reserved

        available = self.available

        incoming = self.incoming

        safety_stock = self.safety_stock

        quarantined = self.quarantined

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "warehouse": warehouse,
                "on_hand": on_hand,
                "reserved": reserved,
                "available": available,
                "incoming": incoming,
                "safety_stock": safety_stock,
                "quarantined": quarantined,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        warehouse = d.pop("warehouse")

        on_hand = d.pop("on_hand")

        reserved = d.pop("reserved")

        available = d.pop("available")

        incoming = d.pop("incoming")

        safety_stock = d.pop("safety_stock")

        quarantined = d.pop("quarantined")

        stock_level = cls(
            warehouse=warehouse,
            on_hand=on_hand,
            reserved=reserved,
            available=available,
            incoming=incoming,
            safety_stock=safety_stock,
            quarantined=quarantined,
        )

        stock_level.additional_properties = d
        return stock_level

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
