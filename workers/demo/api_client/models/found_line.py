# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.found_line_condition import FoundLineCondition, check_found_line_condition
from ..types import UNSET, Unset

T = TypeVar("T", bound="FoundLine")


@_attrs_define
class FoundLine:
    """
    Attributes:
        quantity (int):
        condition (FoundLineCondition):
        line_no (int | None | Unset):
        sku (None | str | Unset):
    """

    quantity: int
    condition: FoundLineCondition
    line_no: int | None | Unset = UNSET
    sku: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        quantity = self.quantity

        condition: str = self.condition

        line_no: int | None | Unset
        if isinstance(self.line_no, Unset):
            line_no = UNSET
        else:
            line_no = self.line_no

        sku: None | str | Unset
        if isinstance(self.sku, Unset):
            sku = UNSET
        else:
            sku = self.sku

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "quantity": quantity,
                "condition": condition,
            }
        )
        if line_no is not UNSET:
            field_dict["line_no"] = line_no
        if sku is not UNSET:
            field_dict["sku"] = sku

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        quantity = d.pop("quantity")

        condition = check_found_line_condition(d.pop("condition"))

        def _parse_line_no(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        line_no = _parse_line_no(d.pop("line_no", UNSET))

        def _parse_sku(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        sku = _parse_sku(d.pop("sku", UNSET))

        found_line = cls(
            quantity=quantity,
            condition=condition,
            line_no=line_no,
            sku=sku,
        )

        return found_line
