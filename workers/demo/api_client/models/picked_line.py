# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PickedLine")


@_attrs_define
class PickedLine:
    """
    Attributes:
        line_no (int):
        quantity (int):
        more (bool | Unset):  Default: False.
        location (None | str | Unset):
    """

    line_no: int
    quantity: int
    more: bool | Unset = False
    location: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        line_no = self.line_no

        quantity = self.quantity

        more = self.more

        location: None | str | Unset
        if isinstance(self.location, Unset):
            location = UNSET
        else:
            location = self.location

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "line_no": line_no,
                "quantity": quantity,
            }
        )
        if more is not UNSET:
            field_dict["more"] = more
        if location is not UNSET:
            field_dict["location"] = location

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        line_no = d.pop("line_no")

        quantity = d.pop("quantity")

        more = d.pop("more", UNSET)

        def _parse_location(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        location = _parse_location(d.pop("location", UNSET))

        picked_line = cls(
            line_no=line_no,
            quantity=quantity,
            more=more,
            location=location,
        )

        return picked_line
