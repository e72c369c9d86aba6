# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.condition import Condition, check_condition

T = TypeVar("T", bound="PreviewedRefund")


@_attrs_define
class PreviewedRefund:
    """
    Attributes:
        amount_minor (int):
        goods_minor (int):
        shipping_minor (int):
        currency (str):
        if_ (Condition):
    """

    amount_minor: int
    goods_minor: int
    shipping_minor: int
    currency: str
    if_: Condition
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_minor = self.amount_minor

        goods_minor = self.goods_minor

        shipping_minor = self.shipping_minor

        currency = self.currency

        if_: str = self.if_

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_minor": amount_minor,
                "goods_minor": goods_minor,
                "shipping_minor": shipping_minor,
                "currency": currency,
                "if": if_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount_minor = d.pop("amount_minor")

        goods_minor = d.pop("goods_minor")

        shipping_minor = d.pop("shipping_minor")

        currency = d.pop("currency")

        if_ = check_condition(d.pop("if"))

        previewed_refund = cls(
            amount_minor=amount_minor,
            goods_minor=goods_minor,
            shipping_minor=shipping_minor,
            currency=currency,
            if_=if_,
        )

        previewed_refund.additional_properties = d
        return previewed_refund

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
