# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Line")


@_attrs_define
class Line:
    """
    Attributes:
        sku (str):
        quantity (int):
        unit_price_minor (int | None | Unset):
    """

    sku: str
    quantity: int
    unit_price_minor: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        quantity = self.quantity

        unit_price_minor: int | None | Unset
        if isinstance(self.unit_price_minor, Unset):
            unit_price_minor = UNSET
        else:
            unit_price_minor = self.unit_price_minor

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "sku": sku,
                "quantity": quantity,
            }
        )
        if unit_price_minor is not UNSET:
            field_dict["unit_price_minor"] = unit_price_minor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        quantity = d.pop("quantity")

        def _parse_unit_price_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        unit_price_minor = _parse_unit_price_minor(d.pop("unit_price_minor", UNSET))

        line = cls(
            sku=sku,
            quantity=quantity,
            unit_price_minor=unit_price_minor,
        )

        return line
