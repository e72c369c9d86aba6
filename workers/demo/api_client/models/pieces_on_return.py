# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="PiecesOnReturn")


@_attrs_define
class PiecesOnReturn:
    """
    Attributes:
        return_id (str):
        return_no (int):
        line_no (int):
        sku (str):
        quantity (int):
    """

    return_id: str
    return_no: int
    line_no: int
    sku: str
    quantity: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return_id = self.return_id

        return_no = self.return_no

        line_no = self.line_no

        sku = self.sku

        quantity = self.quantity

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "return_id": return_id,
                "return_no": return_no,
                "line_no": line_no,
                "sku": sku,
                "quantity": quantity,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        return_id = d.pop("return_id")

        return_no = d.pop("return_no")

        line_no = d.pop("line_no")

        sku = d.pop("sku")

        quantity = d.pop("quantity")

        pieces_on_return = cls(
            return_id=return_id,
            return_no=return_no,
            line_no=line_no,
            sku=sku,
            quantity=quantity,
        )

        pieces_on_return.additional_properties = d
        return pieces_on_return

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
