# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Receipt")


@_attrs_define
class Receipt:
    """
    Attributes:
        sku (str):
        quantity (int):
        reference (str):
        warehouse (None | str | Unset):
        allow_duplicate (bool | Unset):  Default: False.
        purchase_order (None | str | Unset):
        location (None | str | Unset):
    """

    sku: str
    quantity: int
    reference: str
    warehouse: None | str | Unset = UNSET
    allow_duplicate: bool | Unset = False
    purchase_order: None | str | Unset = UNSET
    location: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        quantity = self.quantity

        reference = self.reference

        warehouse: None | str | Unset
        if isinstance(self.warehouse, Unset):
            warehouse = UNSET
        else:
            warehouse = self.warehouse

        allow_duplicate = self.allow_duplicate

        purchase_order: None | str | Unset
        if isinstance(self.purchase_order, Unset):
            purchase_order = UNSET
        else:
            purchase_order = self.purchase_order

        location: None | str | Unset
        if isinstance(self.location, Unset):
            location = UNSET
        else:
            location = self.location

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "sku": sku,
                "quantity": quantity,
                "reference": reference,
            }
        )
        if warehouse is not UNSET:
            field_dict["warehouse"] = warehouse
        if allow_duplicate is not UNSET:
            field_dict["allow_duplicate"] = allow_duplicate
        if purchase_order is not UNSET:
            field_dict["purchase_order"] = purchase_order
        if location is not UNSET:
            field_dict["location"] = location

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        quantity = d.pop("quantity")

        reference = d.pop("reference")

        def _parse_warehouse(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        warehouse = _parse_warehouse(d.pop("warehouse", UNSET))

        allow_duplicate = d.pop("allow_duplicate", UNSET)

        def _parse_purchase_order(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        purchase_order = _parse_purchase_order(d.pop("purchase_order", UNSET))

        def _parse_location(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        location = _parse_location(d.pop("location", UNSET))

        receipt = cls(
            sku=sku,
            quantity=quantity,
            reference=reference,
            warehouse=warehouse,
            allow_duplicate=allow_duplicate,
            purchase_order=purchase_order,
            location=location,
        )

        return receipt
