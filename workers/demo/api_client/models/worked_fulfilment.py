# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.fulfilment_kind import FulfilmentKind, check_fulfilment_kind
from ..models.fulfilment_status import FulfilmentStatus, check_fulfilment_status

if TYPE_CHECKING:
    from ..models.shortage import Shortage
    from ..models.worked_line import WorkedLine


T = TypeVar("T", bound="WorkedFulfilment")


@_attrs_define
class WorkedFulfilment:
    """
    Attributes:
        fulfilment_id (str):
        order_no (str):
        number (int):
        warehouse (str):
        kind (FulfilmentKind):
        status (FulfilmentStatus):
        lines (list[WorkedLine]):
        shipment_id (None | str):
        tracking_no (None | str):
        weight_g (int | None):
        box (None | str):
        packed_at (datetime.datetime | None):
        manifest_id (None | str):
        handed_at (datetime.datetime | None):
        short (list[Shortage]):
    """

    fulfilment_id: str
    order_no: str
    number: int
    warehouse: str
    kind: FulfilmentKind
    status: FulfilmentStatus
    lines: list[WorkedLine]
    shipment_id: None | str
    tracking_no: None | str
    weight_g: int | None
    box: None | str
    packed_at: datetime.datetime | None
    manifest_id: None | str
    handed_at: datetime.datetime | None
    short: list[Shortage]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        fulfilment_id = self.fulfilment_id

        order_no = self.order_no

        number = self.number

        warehouse = self.warehouse

        kind: str = self.kind

        status: str = self.status

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        shipment_id: None | str
        shipment_id = self.shipment_id

        tracking_no: None | str
        tracking_no = self.tracking_no

        weight_g: int | None
        weight_g = self.weight_g

        box: None | str
        box = self.box

        packed_at: None | str
        if isinstance(self.packed_at, datetime.datetime):
            packed_at = self.packed_at.isoformat()
        else:
            packed_at = self.packed_at

        manifest_id: None | str
        manifest_id = self.manifest_id

        handed_at: None | str
        if isinstance(self.handed_at, datetime.datetime):
            handed_at = self.handed_at.isoformat()
        else:
            handed_at = self.handed_at

        short = []
        for short_item_data in self.short:
            short_item = short_item_data.to_dict()
            short.append(short_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "fulfilment_id": fulfilment_id,
                "order_no": order_no,
                "number": number,
                "warehouse": warehouse,
                "kind": kind,
                "status": status,
                "lines": lines,
                "shipment_id": shipment_id,
                "tracking_no": tracking_no,
                "weight_g": weight_g,
                "box": box,
                "packed_at": packed_at,
                "manifest_id": manifest_id,
                "handed_at": handed_at,
                "short": short,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.shortage import Shortage  # noqa: PLC0415
        from ..models.worked_line import WorkedLine  # noqa: PLC0415

        d = dict(src_dict)
        fulfilment_id = d.pop("fulfilment_id")

        order_no = d.pop("order_no")

        number = d.pop("number")

        warehouse = d.pop("warehouse")

        kind = check_fulfilment_kind(d.pop("kind"))

        status = check_fulfilment_status(d.pop("status"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = WorkedLine.from_dict(lines_item_data)

            lines.append(lines_item)

        def _parse_shipment_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        shipment_id = _parse_shipment_id(d.pop("shipment_id"))

        def _parse_tracking_no(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tracking_no = _parse_tracking_no(d.pop("tracking_no"))

        def _parse_weight_g(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        weight_g = _parse_weight_g(d.pop("weight_g"))

        def _parse_box(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        box = _parse_box(d.pop("box"))

        def _parse_packed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                packed_at_type_0 = datetime.datetime.fromisoformat(data)

                return packed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        packed_at = _parse_packed_at(d.pop("packed_at"))

        def _parse_manifest_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        manifest_id = _parse_manifest_id(d.pop("manifest_id"))

        def _parse_handed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                handed_at_type_0 = datetime.datetime.fromisoformat(data)

                return handed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        handed_at = _parse_handed_at(d.pop("handed_at"))

        short = []
        _short = d.pop("short")
        for short_item_data in _short:
            short_item = Shortage.from_dict(short_item_data)

            short.append(short_item)

        worked_fulfilment = cls(
            fulfilment_id=fulfilment_id,
            order_no=order_no,
            number=number,
            warehouse=warehouse,
            kind=kind,
            status=status,
            lines=lines,
            shipment_id=shipment_id,
            tracking_no=tracking_no,
            weight_g=weight_g,
            box=box,
            packed_at=packed_at,
            manifest_id=manifest_id,
            handed_at=handed_at,
            short=short,
        )

        worked_fulfilment.additional_properties = d
        return worked_fulfilment

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
