# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="OrderLine")


@_attrs_define
class OrderLine:
    """
    Attributes:
        line_no (int):
        sku (str):
        name (str):
        quantity (int):
        unit_price_minor (int):
        total_minor (int):
        discount_minor (int):
        shipping_minor (int):
        tax_minor (int):
        paid_minor (int):
        refunded_minor (int):
        refunded_quantity (int):
        cancelled_quantity (int):
        returned_quantity (int):
    """

    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    discount_minor: int
    shipping_minor: int
    tax_minor: int
    paid_minor: int
    refunded_minor: int
    refunded_quantity: int
    cancelled_quantity: int
    returned_quantity: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        line_no = self.line_no

        sku = self.sku

        name = self.name

        quantity = self.quantity

        unit_price_minor = self.unit_price_minor

        total_minor = self.total_minor

        discount_minor = self.discount_minor

        shipping_minor = self.shipping_minor

        tax_minor = self.tax_minor

        paid_minor = self.paid_minor

        refunded_minor = self.refunded_minor

        refunded_quantity = self.refunded_quantity

        cancelled_quantity = self.cancelled_quantity

        returned_quantity = self.returned_quantity

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "line_no": line_no,
                "sku": sku,
                "name": name,
                "quantity": quantity,
                "unit_price_minor": unit_price_minor,
                "total_minor": total_minor,
                "discount_minor": discount_minor,
                "shipping_minor": shipping_minor,
                "tax_minor": tax_minor,
                "paid_minor": paid_minor,
                "refunded_minor": refunded_minor,
                "refunded_quantity": refunded_quantity,
                "cancelled_quantity": cancelled_quantity,
                "returned_quantity": returned_quantity,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        line_no = d.pop("line_no")

        sku = d.pop("sku")

        name = d.pop("name")

        quantity = d.pop("quantity")

        unit_price_minor = d.pop("unit_price_minor")

        total_minor = d.pop("total_minor")

        discount_minor = d.pop("discount_minor")

        shipping_minor = d.pop("shipping_minor")

        tax_minor = d.pop("tax_minor")

        paid_minor = d.pop("paid_minor")

        refunded_minor = d.pop("refunded_minor")

        refunded_quantity = d.pop("refunded_quantity")

        cancelled_quantity = d.pop("cancelled_quantity")

        returned_quantity = d.pop("returned_quantity")

        order_line = cls(
            line_no=line_no,
            sku=sku,
            name=name,
            quantity=quantity,
            unit_price_minor=unit_price_minor,
            total_minor=total_minor,
            discount_minor=discount_minor,
            shipping_minor=shipping_minor,
            tax_minor=tax_minor,
            paid_minor=paid_minor,
            refunded_minor=refunded_minor,
            refunded_quantity=refunded_quantity,
            cancelled_quantity=cancelled_quantity,
            returned_quantity=returned_quantity,
        )

        order_line.additional_properties = d
        return order_line

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
