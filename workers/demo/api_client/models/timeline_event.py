# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status import Status, check_status

if TYPE_CHECKING:
    from ..models.timeline_event_data import TimelineEventData


T = TypeVar("T", bound="TimelineEvent")


@_attrs_define
class TimelineEvent:
    """
    Attributes:
        seq (int):
        type_ (str):
        from_status (None | Status):
        to_status (None | Status):
        data (TimelineEventData):
        actor (str):
        occurred_at (datetime.datetime):
    """

    seq: int
    type_: str
    from_status: None | Status
    to_status: None | Status
    data: TimelineEventData
    actor: str
    occurred_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seq = self.seq

        type_ = self.type_

        from_status: None | str
        if isinstance(self.from_status, str):
            from_status = self.from_status
        else:
            from_status = self.from_status

        to_status: None | str
        if isinstance(self.to_status, str):
            to_status = self.to_status
        else:
            to_status = self.to_status

        data = self.data.to_dict()

        actor = self.actor

        occurred_at = self.occurred_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seq": seq,
                "type": type_,
                "from_status": from_status,
                "to_status": to_status,
                "data": data,
                "actor": actor,
                "occurred_at": occurred_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.timeline_event_data import TimelineEventData  # noqa: PLC0415

        d = dict(src_dict)
        seq = d.pop("seq")

        type_ = d.pop("type")

        def _parse_from_status(data: object) -> None | Status:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                from_status_type_0 = check_status(data)

                return from_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Status, data)

        from_status = _parse_from_status(d.pop("from_status"))

        def _parse_to_status(data: object) -> None | Status:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                to_status_type_0 = check_status(data)

                return to_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Status, data)

        to_status = _parse_to_status(d.pop("to_status"))

        data = TimelineEventData.from_dict(d.pop("data"))

        actor = d.pop("actor")

        occurred_at = datetime.datetime.fromisoformat(d.pop("occurred_at"))

        timeline_event = cls(
            seq=seq,
            type_=type_,
            from_status=from_status,
            to_status=to_status,
            data=data,
            actor=actor,
            occurred_at=occurred_at,
        )

        timeline_event.additional_properties = d
        return timeline_event

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
