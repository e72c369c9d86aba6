# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.sku_quantity import SkuQuantity


T = TypeVar("T", bound="CancelConsequence")


@_attrs_define
class CancelConsequence:
    """
    Attributes:
        refund_minor (int):
        void_minor (int):
        currency (str):
        stock (list[SkuQuantity]):
        parcel (Literal['recall'] | None):
    """

    refund_minor: int
    void_minor: int
    currency: str
    stock: list[SkuQuantity]
    parcel: Literal["recall"] | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        refund_minor = self.refund_minor

        void_minor = self.void_minor

        currency = self.currency

        stock = []
        for stock_item_data in self.stock:
            stock_item = stock_item_data.to_dict()
            stock.append(stock_item)

        parcel: Literal["recall"] | None
        parcel = self.parcel

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "refund_minor": refund_minor,
                "void_minor": void_minor,
                "currency": currency,
                "stock": stock,
                "parcel": parcel,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sku_quantity import SkuQuantity  # noqa: PLC0415

        d = dict(src_dict)
        refund_minor = d.pop("refund_minor")

        void_minor = d.pop("void_minor")

        currency = d.pop("currency")

        stock = []
        _stock = d.pop("stock")
        for stock_item_data in _stock:
            stock_item = SkuQuantity.from_dict(stock_item_data)

            stock.append(stock_item)

        def _parse_parcel(data: object) -> Literal["recall"] | None:
            if data is None:
                return data
            parcel_type_0 = cast(Literal["recall"], data)
            if parcel_type_0 != "recall":
                raise ValueError(f"parcel_type_0 must match const 'recall', got '{parcel_type_0}'")
            return parcel_type_0
            return cast(Literal["recall"] | None, data)

        parcel = _parse_parcel(d.pop("parcel"))

        cancel_consequence = cls(
            refund_minor=refund_minor,
            void_minor=void_minor,
            currency=currency,
            stock=stock,
            parcel=parcel,
        )

        cancel_consequence.additional_properties = d
        return cancel_consequence

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
