# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.pieces_on_return import PiecesOnReturn
    from ..models.refunded_line import RefundedLine


T = TypeVar("T", bound="RefundConsequence")


@_attrs_define
class RefundConsequence:
    """
    Attributes:
        amount_minor (int):
        goods_minor (int):
        shipping_minor (int):
        currency (str):
        left_minor (int):
        needs_approval (bool):
        given_minor (int):
        on_returns (list[PiecesOnReturn]):
        lines (list[RefundedLine]):
    """

    amount_minor: int
    goods_minor: int
    shipping_minor: int
    currency: str
    left_minor: int
    needs_approval: bool
    given_minor: int
    on_returns: list[PiecesOnReturn]
    lines: list[RefundedLine]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_minor = self.amount_minor

        goods_minor = self.goods_minor

        shipping_minor = self.shipping_minor

        currency = self.currency

        left_minor = self.left_minor

        needs_approval = self.needs_approval

        given_minor = self.given_minor

        on_returns = []
        for on_returns_item_data in self.on_returns:
            on_returns_item = on_returns_item_data.to_dict()
            on_returns.append(on_returns_item)

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_minor": amount_minor,
                "goods_minor": goods_minor,
                "shipping_minor": shipping_minor,
                "currency": currency,
                "left_minor": left_minor,
                "needs_approval": needs_approval,
                "given_minor": given_minor,
                "on_returns": on_returns,
                "lines": lines,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.pieces_on_return import PiecesOnReturn  # noqa: PLC0415
        from ..models.refunded_line import RefundedLine  # noqa: PLC0415

        d = dict(src_dict)
        amount_minor = d.pop("amount_minor")

        goods_minor = d.pop("goods_minor")

        shipping_minor = d.pop("shipping_minor")

        currency = d.pop("currency")

        left_minor = d.pop("left_minor")

        needs_approval = d.pop("needs_approval")

        given_minor = d.pop("given_minor")

        on_returns = []
        _on_returns = d.pop("on_returns")
        for on_returns_item_data in _on_returns:
            on_returns_item = PiecesOnReturn.from_dict(on_returns_item_data)

            on_returns.append(on_returns_item)

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = RefundedLine.from_dict(lines_item_data)

            lines.append(lines_item)

        refund_consequence = cls(
            amount_minor=amount_minor,
            goods_minor=goods_minor,
            shipping_minor=shipping_minor,
            currency=currency,
            left_minor=left_minor,
            needs_approval=needs_approval,
            given_minor=given_minor,
            on_returns=on_returns,
            lines=lines,
        )

        refund_consequence.additional_properties = d
        return refund_consequence

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
