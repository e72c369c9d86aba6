# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.counted_line import CountedLine


T = TypeVar("T", bound="NewCount")


@_attrs_define
class NewCount:
    """
    Attributes:
        warehouse (str):
        lines (list[CountedLine]):
        reference (str):
        counted_at (None | str | Unset):
    """

    warehouse: str
    lines: list[CountedLine]
    reference: str
    counted_at: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        warehouse = self.warehouse

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        reference = self.reference

        counted_at: None | str | Unset
        if isinstance(self.counted_at, Unset):
            counted_at = UNSET
        else:
            counted_at = self.counted_at

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "warehouse": warehouse,
                "lines": lines,
                "reference": reference,
            }
        )
        if counted_at is not UNSET:
            field_dict["counted_at"] = counted_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.counted_line import CountedLine  # noqa: PLC0415

        d = dict(src_dict)
        warehouse = d.pop("warehouse")

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = CountedLine.from_dict(lines_item_data)

            lines.append(lines_item)

        reference = d.pop("reference")

        def _parse_counted_at(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        counted_at = _parse_counted_at(d.pop("counted_at", UNSET))

        new_count = cls(
            warehouse=warehouse,
            lines=lines,
            reference=reference,
            counted_at=counted_at,
        )

        return new_count
