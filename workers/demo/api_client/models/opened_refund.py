# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.refund_status import RefundStatus, check_refund_status

T = TypeVar("T", bound="OpenedRefund")


@_attrs_define
class OpenedRefund:
    """
    Attributes:
        amount_minor (int):
        goods_minor (int):
        shipping_minor (int):
        currency (str):
        refund_id (str):
        refund_no (int):
        order_no (str):
        status (RefundStatus):
        left_minor (int):
        approval_id (None | str):
    """

    amount_minor: int
    goods_minor: int
    shipping_minor: int
    currency: str
    refund_id: str
    refund_no: int
    order_no: str
    status: RefundStatus
    left_minor: int
    approval_id: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_minor = self.amount_minor

        goods_minor = self.goods_minor

        shipping_minor = self.shipping_minor

        currency = self.currency

        refund_id = self.refund_id

        refund_no = self.refund_no

        order_no = self.order_no

        status: str = self.status

        left_minor = self.left_minor

        approval_id: None | str
        approval_id = self.approval_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_minor": amount_minor,
                "goods_minor": goods_minor,
                "shipping_minor": shipping_minor,
                "currency": currency,
                "refund_id": refund_id,
                "refund_no": refund_no,
                "order_no": order_no,
                "status": status,
                "left_minor": left_minor,
                "approval_id": approval_id,
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

        refund_id = d.pop("refund_id")

        refund_no = d.pop("refund_no")

        order_no = d.pop("order_no")

        status = check_refund_status(d.pop("status"))

        left_minor = d.pop("left_minor")

        def _parse_approval_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        approval_id = _parse_approval_id(d.pop("approval_id"))

        opened_refund = cls(
            amount_minor=amount_minor,
            goods_minor=goods_minor,
            shipping_minor=shipping_minor,
            currency=currency,
            refund_id=refund_id,
            refund_no=refund_no,
            order_no=order_no,
            status=status,
            left_minor=left_minor,
            approval_id=approval_id,
        )

        opened_refund.additional_properties = d
        return opened_refund

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
