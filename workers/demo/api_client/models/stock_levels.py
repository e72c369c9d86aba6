# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.stock_level import StockLevel


T = TypeVar("T", bound="StockLevels")


@_attrs_define
class StockLevels:
    """
    Attributes:
        sku (str):
        items (list[StockLevel]):
        next_cursor (None):
    """

    sku: str
    items: list[StockLevel]
    next_cursor: None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        next_cursor = self.next_cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sku": sku,
                "items": items,
                "next_cursor": next_cursor,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.stock_level import StockLevel  # noqa: PLC0415

        d = dict(src_dict)
        sku = d.pop("sku")

        items = []
        _items = d.pop("items")
        for items_item_data in _items:
            items_item = StockLevel.from_dict(items_item_data)

            items.append(items_item)

        next_cursor = d.pop("next_cursor")

        stock_levels = cls(
            sku=sku,
            items=items,
            next_cursor=next_cursor,
        )

        stock_levels.additional_properties = d
        return stock_levels

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
