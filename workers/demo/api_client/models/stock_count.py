# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.count_status import CountStatus, check_count_status

if TYPE_CHECKING:
    from ..models.count_line import CountLine


T = TypeVar("T", bound="StockCount")


@_attrs_define
class StockCount:
    """
    Attributes:
        count_id (str):
        status (CountStatus):
        warehouse (str):
        reference (str):
        counted_by (str):
        counted_at (datetime.datetime):
        decided_by (None | str):
        posted_at (datetime.datetime | None):
        lines (list[CountLine]):
        cases (list[int]):
    """

    count_id: str
    status: CountStatus
    warehouse: str
    reference: str
    counted_by: str
    counted_at: datetime.datetime
    decided_by: None | str
    posted_at: datetime.datetime | None
    lines: list[CountLine]
    cases: list[int]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        count_id = self.count_id

        status: str = self.status

        warehouse = self.warehouse

        reference = self.reference

        counted_by = self.counted_by

        counted_at = self.counted_at.isoformat()

        decided_by: None | str
        decided_by = self.decided_by

        posted_at: None | str
        if isinstance(self.posted_at, datetime.datetime):
            posted_at = self.posted_at.isoformat()
        else:
            posted_at = self.posted_at

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        cases = self.cases

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "count_id": count_id,
                "status": status,
                "warehouse": warehouse,
                "reference": reference,
                "counted_by": counted_by,
                "counted_at": counted_at,
                "decided_by": decided_by,
                "posted_at": posted_at,
                "lines": lines,
                "cases": cases,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.count_line import CountLine  # noqa: PLC0415

        d = dict(src_dict)
        count_id = d.pop("count_id")

        status = check_count_status(d.pop("status"))

        warehouse = d.pop("warehouse")

        reference = d.pop("reference")

        counted_by = d.pop("counted_by")

        counted_at = datetime.datetime.fromisoformat(d.pop("counted_at"))

        def _parse_decided_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        decided_by = _parse_decided_by(d.pop("decided_by"))

        def _parse_posted_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                posted_at_type_0 = datetime.datetime.fromisoformat(data)

                return posted_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        posted_at = _parse_posted_at(d.pop("posted_at"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = CountLine.from_dict(lines_item_data)

            lines.append(lines_item)

        cases = cast(list[int], d.pop("cases"))

        stock_count = cls(
            count_id=count_id,
            status=status,
            warehouse=warehouse,
            reference=reference,
            counted_by=counted_by,
            counted_at=counted_at,
            decided_by=decided_by,
            posted_at=posted_at,
            lines=lines,
            cases=cases,
        )

        stock_count.additional_properties = d
        return stock_count

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
