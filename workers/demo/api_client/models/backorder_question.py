# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="BackorderQuestion")


@_attrs_define
class BackorderQuestion:
    """
    Attributes:
        fulfilment_no (int | None):
        promised_from (datetime.datetime):
        promised_to (datetime.datetime):
        decide_by (datetime.datetime):
        slips (int):
    """

    fulfilment_no: int | None
    promised_from: datetime.datetime
    promised_to: datetime.datetime
    decide_by: datetime.datetime
    slips: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        fulfilment_no: int | None
        fulfilment_no = self.fulfilment_no

        promised_from = self.promised_from.isoformat()

        promised_to = self.promised_to.isoformat()

        decide_by = self.decide_by.isoformat()

        slips = self.slips

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "fulfilment_no": fulfilment_no,
                "promised_from": promised_from,
                "promised_to": promised_to,
                "decide_by": decide_by,
                "slips": slips,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_fulfilment_no(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        fulfilment_no = _parse_fulfilment_no(d.pop("fulfilment_no"))

        promised_from = datetime.datetime.fromisoformat(d.pop("promised_from"))

        promised_to = datetime.datetime.fromisoformat(d.pop("promised_to"))

        decide_by = datetime.datetime.fromisoformat(d.pop("decide_by"))

        slips = d.pop("slips")

        backorder_question = cls(
            fulfilment_no=fulfilment_no,
            promised_from=promised_from,
            promised_to=promised_to,
            decide_by=decide_by,
            slips=slips,
        )

        backorder_question.additional_properties = d
        return backorder_question

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
