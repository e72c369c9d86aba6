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
    from ..models.fulfilment_line import FulfilmentLine


T = TypeVar("T", bound="Fulfilment")


@_attrs_define
class Fulfilment:
    """
    Attributes:
        fulfilment_id (str):
        number (int):
        warehouse (str):
        kind (FulfilmentKind):
        status (FulfilmentStatus):
        lines (list[FulfilmentLine]):
        shipment_id (None | str):
        promised_to (datetime.datetime | None):
    """

    fulfilment_id: str
    number: int
    warehouse: str
    kind: FulfilmentKind
    status: FulfilmentStatus
    lines: list[FulfilmentLine]
    shipment_id: None | str
    promised_to: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        fulfilment_id = self.fulfilment_id

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

        promised_to: None | str
        if isinstance(self.promised_to, datetime.datetime):
            promised_to = self.promised_to.isoformat()
        else:
            promised_to = self.promised_to

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "fulfilment_id": fulfilment_id,
                "number": number,
                "warehouse": warehouse,
                "kind": kind,
                "status": status,
                "lines": lines,
                "shipment_id": shipment_id,
                "promised_to": promised_to,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fulfilment_line import FulfilmentLine  # noqa: PLC0415

        d = dict(src_dict)
        fulfilment_id = d.pop("fulfilment_id")

        number = d.pop("number")

        warehouse = d.pop("warehouse")

        kind = check_fulfilment_kind(d.pop("kind"))

        status = check_fulfilment_status(d.pop("status"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = FulfilmentLine.from_dict(lines_item_data)

            lines.append(lines_item)

        def _parse_shipment_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        shipment_id = _parse_shipment_id(d.pop("shipment_id"))

        def _parse_promised_to(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                promised_to_type_0 = datetime.datetime.fromisoformat(data)

                return promised_to_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        promised_to = _parse_promised_to(d.pop("promised_to"))

        fulfilment = cls(
            fulfilment_id=fulfilment_id,
            number=number,
            warehouse=warehouse,
            kind=kind,
            status=status,
            lines=lines,
            shipment_id=shipment_id,
            promised_to=promised_to,
        )

        fulfilment.additional_properties = d
        return fulfilment

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
