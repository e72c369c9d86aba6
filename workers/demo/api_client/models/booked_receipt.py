# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="BookedReceipt")


@_attrs_define
class BookedReceipt:
    """
    Attributes:
        movement_id (int):
        sku (str):
        warehouse (str):
        quantity (int):
        on_hand (int):
        reserved (int):
        available (int):
        quarantined (int):
        reference (str):
    """

    movement_id: int
    sku: str
    warehouse: str
    quantity: int
    on_hand: int
    reserved: int
    available: int
    quarantined: int
    reference: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        movement_id = self.movement_id

        sku = self.sku

        warehouse = self.warehouse

        quantity = self.quantity

        on_hand = self.on_hand

        reserved = self.reserved

        available = self.available

        quarantined = self.quarantined

        reference = self.reference

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "movement_id": movement_id,
                "sku": sku,
                "warehouse": warehouse,
                "quantity": quantity,
                "on_hand": on_hand,
                "reserved": reserved,
                "available": available,
                "quarantined": quarantined,
                "reference": reference,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        movement_id = d.pop("movement_id")

        sku = d.pop("sku")

        warehouse = d.pop("warehouse")

        quantity = d.pop("quantity")

        on_hand = d.pop("on_hand")

        reserved = d.pop("reserved")

        available = d.pop("available")

        quarantined = d.pop("quarantined")

        reference = d.pop("reference")

        booked_receipt = cls(
            movement_id=movement_id,
            sku=sku,
            warehouse=warehouse,
            quantity=quantity,
            on_hand=on_hand,
            reserved=reserved,
            available=available,
            quarantined=quarantined,
            reference=reference,
        )

        booked_receipt.additional_properties = d
        return booked_receipt

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
