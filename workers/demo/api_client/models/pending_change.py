# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.sku_quantity import SkuQuantity


T = TypeVar("T", bound="PendingChange")


@_attrs_define
class PendingChange:
    """
    Attributes:
        what (list[str]):
        to_pay_minor (int):
        total_after_minor (int):
        stock (list[SkuQuantity]):
        until (datetime.datetime | None):
    """

    what: list[str]
    to_pay_minor: int
    total_after_minor: int
    stock: list[SkuQuantity]
    until: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        what = self.what

        to_pay_minor = self.to_pay_minor

        total_after_minor = self.total_after_minor

        stock = []
        for stock_item_data in self.stock:
            stock_item = stock_item_data.to_dict()
            stock.append(stock_item)

        until: None | str
        if isinstance(self.until, datetime.datetime):
            until = self.until.isoformat()
        else:
            until = self.until

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "what": what,
                "to_pay_minor": to_pay_minor,
                "total_after_minor": total_after_minor,
                "stock": stock,
                "until": until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sku_quantity import SkuQuantity  # noqa: PLC0415

        d = dict(src_dict)
        what = cast(list[str], d.pop("what"))

        to_pay_minor = d.pop("to_pay_minor")

        total_after_minor = d.pop("total_after_minor")

        stock = []
        _stock = d.pop("stock")
        for stock_item_data in _stock:
            stock_item = SkuQuantity.from_dict(stock_item_data)

            stock.append(stock_item)

        def _parse_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                until_type_0 = datetime.datetime.fromisoformat(data)

                return until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        until = _parse_until(d.pop("until"))

        pending_change = cls(
            what=what,
            to_pay_minor=to_pay_minor,
            total_after_minor=total_after_minor,
            stock=stock,
            until=until,
        )

        pending_change.additional_properties = d
        return pending_change

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
