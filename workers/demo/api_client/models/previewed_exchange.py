# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.exchange_line import ExchangeLine


T = TypeVar("T", bound="PreviewedExchange")


@_attrs_define
class PreviewedExchange:
    """
    Attributes:
        lines (list[ExchangeLine]):
        value_minor (int):
        to_pay_minor (int):
        to_refund_minor (int):
        guarantee_minor (int):
        currency (str):
    """

    lines: list[ExchangeLine]
    value_minor: int
    to_pay_minor: int
    to_refund_minor: int
    guarantee_minor: int
    currency: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        value_minor = self.value_minor

        to_pay_minor = self.to_pay_minor

        to_refund_minor = self.to_refund_minor

        guarantee_minor = self.guarantee_minor

        currency = self.currency

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "lines": lines,
                "value_minor": value_minor,
                "to_pay_minor": to_pay_minor,
                "to_refund_minor": to_refund_minor,
                "guarantee_minor": guarantee_minor,
                "currency": currency,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.exchange_line import ExchangeLine  # noqa: PLC0415

        d = dict(src_dict)
        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = ExchangeLine.from_dict(lines_item_data)

            lines.append(lines_item)

        value_minor = d.pop("value_minor")

        to_pay_minor = d.pop("to_pay_minor")

        to_refund_minor = d.pop("to_refund_minor")

        guarantee_minor = d.pop("guarantee_minor")

        currency = d.pop("currency")

        previewed_exchange = cls(
            lines=lines,
            value_minor=value_minor,
            to_pay_minor=to_pay_minor,
            to_refund_minor=to_refund_minor,
            guarantee_minor=guarantee_minor,
            currency=currency,
        )

        previewed_exchange.additional_properties = d
        return previewed_exchange

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
