# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

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
        location (None | str | Unset):
    """

    lines: list[CountedUnits] | Unset = UNSET
    more_expected: bool | Unset = False
    location: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        lines: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.lines, Unset):
            lines = []
            for lines_item_data in self.lines:
                lines_item = lines_item_data.to_dict()
                lines.append(lines_item)

        more_expected = self.more_expected

        location: None | str | Unset
        if isinstance(self.location, Unset):
            location = UNSET
        else:
            location = self.location

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if lines is not UNSET:
            field_dict["lines"] = lines
        if more_expected is not UNSET:
            field_dict["more_expected"] = more_expected
        if location is not UNSET:
            field_dict["location"] = location

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

        def _parse_location(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        location = _parse_location(d.pop("location", UNSET))

        receive_transfer = cls(
            lines=lines,
            more_expected=more_expected,
            location=location,
        )

        return receive_transfer
