# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Adjustment")


@_attrs_define
class Adjustment:
    """
    Attributes:
        sku (str):
        quantity (int):
        reason (str):
        warehouse (None | str | Unset):
    """

    sku: str
    quantity: int
    reason: str
    warehouse: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        quantity = self.quantity

        reason = self.reason

        warehouse: None | str | Unset
        if isinstance(self.warehouse, Unset):
            warehouse = UNSET
        else:
            warehouse = self.warehouse

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "sku": sku,
                "quantity": quantity,
                "reason": reason,
            }
        )
        if warehouse is not UNSET:
            field_dict["warehouse"] = warehouse

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        quantity = d.pop("quantity")

        reason = d.pop("reason")

        def _parse_warehouse(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        warehouse = _parse_warehouse(d.pop("warehouse", UNSET))

        adjustment = cls(
            sku=sku,
            quantity=quantity,
            reason=reason,
            warehouse=warehouse,
        )

        return adjustment
