# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ReplenishmentRun")


@_attrs_define
class ReplenishmentRun:
    """
    Attributes:
        run_id (int):
        requested_by (str):
        requested_at (datetime.datetime):
        until_day (datetime.date):
        pairs (int):
        suggested (int):
        calculated_at (datetime.datetime | None):
        finished_at (datetime.datetime | None):
    """

    run_id: int
    requested_by: str
    requested_at: datetime.datetime
    until_day: datetime.date
    pairs: int
    suggested: int
    calculated_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        run_id = self.run_id

        requested_by = self.requested_by

        requested_at = self.requested_at.isoformat()

        until_day = self.until_day.isoformat()

        pairs = self.pairs

        suggested = self.suggested

        calculated_at: None | str
        if isinstance(self.calculated_at, datetime.datetime):
            calculated_at = self.calculated_at.isoformat()
        else:
            calculated_at = self.calculated_at

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "run_id": run_id,
                "requested_by": requested_by,
                "requested_at": requested_at,
                "until_day": until_day,
                "pairs": pairs,
                "suggested": suggested,
                "calculated_at": calculated_at,
                "finished_at": finished_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        run_id = d.pop("run_id")

        requested_by = d.pop("requested_by")

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        until_day = datetime.date.fromisoformat(d.pop("until_day"))

        pairs = d.pop("pairs")

        suggested = d.pop("suggested")

        def _parse_calculated_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                calculated_at_type_0 = datetime.datetime.fromisoformat(data)

                return calculated_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        calculated_at = _parse_calculated_at(d.pop("calculated_at"))

        def _parse_finished_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)

                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        finished_at = _parse_finished_at(d.pop("finished_at"))

        replenishment_run = cls(
            run_id=run_id,
            requested_by=requested_by,
            requested_at=requested_at,
            until_day=until_day,
            pairs=pairs,
            suggested=suggested,
            calculated_at=calculated_at,
            finished_at=finished_at,
        )

        replenishment_run.additional_properties = d
        return replenishment_run

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
