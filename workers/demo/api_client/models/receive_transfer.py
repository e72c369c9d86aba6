# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.counted_units import CountedUnits


T = TypeVar("T", bound="ReceiveTransfer")


@_attrs_define
class ReceiveTransfer:
    """
    Attributes:
        lines (list[CountedUnits] | Unset):
        more_expected (bool | Unset):  Default: False.
    """

    lines: list[CountedUnits] | Unset = UNSET
    more_expected: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        lines: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.lines, Unset):
            lines = []
            for lines_item_data in self.lines:
                lines_item = lines_item_data.to_dict()
                lines.append(lines_item)

        more_expected = self.more_expected

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if lines is not UNSET:
            field_dict["lines"] = lines
        if more_expected is not UNSET:
            field_dict["more_expected"] = more_expected

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.counted_units import CountedUnits  # noqa: PLC0415

        d = dict(src_dict)
        _lines = d.pop("lines", UNSET)
        lines: list[CountedUnits] | Unset = UNSET
        if _lines is not UNSET:
            lines = []
            for lines_item_data in _lines:
                lines_item = CountedUnits.from_dict(lines_item_data)

                lines.append(lines_item)

        more_expected = d.pop("more_expected", UNSET)

        receive_transfer = cls(
            lines=lines,
            more_expected=more_expected,
        )

        return receive_transfer
