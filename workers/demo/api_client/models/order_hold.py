# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.hold_kind import HoldKind, check_hold_kind
from ..models.outcome import Outcome, check_outcome
from ..models.status import Status, check_status

T = TypeVar("T", bound="OrderHold")


@_attrs_define
class OrderHold:
    """
    Attributes:
        hold_no (int):
        kind (HoldKind):
        stops (list[Status]):
        owner (str):
        default_outcome (Outcome):
        put_on_by (str):
        put_on_at (datetime.datetime):
        until (datetime.datetime):
        escalated_at (datetime.datetime | None):
        closed_at (datetime.datetime | None):
        closed_by (None | str):
        outcome (None | str):
    """

    hold_no: int
    kind: HoldKind
    stops: list[Status]
    owner: str
    default_outcome: Outcome
    put_on_by: str
    put_on_at: datetime.datetime
    until: datetime.datetime
    escalated_at: datetime.datetime | None
    closed_at: datetime.datetime | None
    closed_by: None | str
    outcome: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        hold_no = self.hold_no

        kind: str = self.kind

        stops = []
        for stops_item_data in self.stops:
            stops_item: str = stops_item_data
            stops.append(stops_item)

        owner = self.owner

        default_outcome: str = self.default_outcome

        put_on_by = self.put_on_by

        put_on_at = self.put_on_at.isoformat()

        until = self.until.isoformat()

        escalated_at: None | str
        if isinstance(self.escalated_at, datetime.datetime):
            escalated_at = self.escalated_at.isoformat()
        else:
            escalated_at = self.escalated_at

        closed_at: None | str
        if isinstance(self.closed_at, datetime.datetime):
            closed_at = self.closed_at.isoformat()
        else:
            closed_at = self.closed_at

        closed_by: None | str
        closed_by = self.closed_by

        outcome: None | str
        outcome = self.outcome

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "hold_no": hold_no,
                "kind": kind,
                "stops": stops,
                "owner": owner,
                "default_outcome": default_outcome,
                "put_on_by": put_on_by,
                "put_on_at": put_on_at,
                "until": until,
                "escalated_at": escalated_at,
                "closed_at": closed_at,
                "closed_by": closed_by,
                "outcome": outcome,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        hold_no = d.pop("hold_no")

        kind = check_hold_kind(d.pop("kind"))

        stops = []
        _stops = d.pop("stops")
        for stops_item_data in _stops:
            stops_item = check_status(stops_item_data)

            stops.append(stops_item)

        owner = d.pop("owner")

        default_outcome = check_outcome(d.pop("default_outcome"))

        put_on_by = d.pop("put_on_by")

        put_on_at = datetime.datetime.fromisoformat(d.pop("put_on_at"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        def _parse_escalated_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                escalated_at_type_0 = datetime.datetime.fromisoformat(data)

                return escalated_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        escalated_at = _parse_escalated_at(d.pop("escalated_at"))

        def _parse_closed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                closed_at_type_0 = datetime.datetime.fromisoformat(data)

                return closed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        closed_at = _parse_closed_at(d.pop("closed_at"))

        def _parse_closed_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        closed_by = _parse_closed_by(d.pop("closed_by"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        order_hold = cls(
            hold_no=hold_no,
            kind=kind,
            stops=stops,
            owner=owner,
            default_outcome=default_outcome,
            put_on_by=put_on_by,
            put_on_at=put_on_at,
            until=until,
            escalated_at=escalated_at,
            closed_at=closed_at,
            closed_by=closed_by,
            outcome=outcome,
        )

        order_hold.additional_properties = d
        return order_hold

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
