# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Shortage")


@_attrs_define
class Shortage:
    """
    Attributes:
        line_no (int):
        quantity (int):
        fulfilment_id (None | str):
        case_id (int | None):
    """

    line_no: int
    quantity: int
    fulfilment_id: None | str
    case_id: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        line_no = self.line_no

        quantity = self.quantity

        fulfilment_id: None | str
        fulfilment_id = self.fulfilment_id

        case_id: int | None
        case_id = self.case_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "line_no": line_no,
                "quantity": quantity,
                "fulfilment_id": fulfilment_id,
                "case_id": case_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        line_no = d.pop("line_no")

        quantity = d.pop("quantity")

        def _parse_fulfilment_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        fulfilment_id = _parse_fulfilment_id(d.pop("fulfilment_id"))

        def _parse_case_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        case_id = _parse_case_id(d.pop("case_id"))

        shortage = cls(
            line_no=line_no,
            quantity=quantity,
            fulfilment_id=fulfilment_id,
            case_id=case_id,
        )

        shortage.additional_properties = d
        return shortage

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
