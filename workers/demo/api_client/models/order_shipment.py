# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_shipment_status import OrderShipmentStatus, check_order_shipment_status

if TYPE_CHECKING:
    from ..models.shipment_scan import ShipmentScan


T = TypeVar("T", bound="OrderShipment")


@_attrs_define
class OrderShipment:
    """
    Attributes:
        shipment_id (str):
        status (OrderShipmentStatus):
        carrier (str):
        tracking_no (None | str):
        warehouse (str):
        fulfilment_no (int):
        replaced (bool):
        came_back (bool):
        created_at (datetime.datetime):
        scans (list[ShipmentScan]):
    """

    shipment_id: str
    status: OrderShipmentStatus
    carrier: str
    tracking_no: None | str
    warehouse: str
    fulfilment_no: int
    replaced: bool
    came_back: bool
    created_at: datetime.datetime
    scans: list[ShipmentScan]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        shipment_id = self.shipment_id

        status: str = self.status

        carrier = self.carrier

        tracking_no: None | str
        tracking_no = self.tracking_no

        warehouse = self.warehouse

        fulfilment_no = self.fulfilment_no

        replaced = self.replaced

        came_back = self.came_back

        created_at = self.created_at.isoformat()

        scans = []
        for scans_item_data in self.scans:
            scans_item = scans_item_data.to_dict()
            scans.append(scans_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "shipment_id": shipment_id,
                "status": status,
                "carrier": carrier,
                "tracking_no": tracking_no,
                "warehouse": warehouse,
                "fulfilment_no": fulfilment_no,
                "replaced": replaced,
                "came_back": came_back,
                "created_at": created_at,
                "scans": scans,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.shipment_scan import ShipmentScan  # noqa: PLC0415

        d = dict(src_dict)
        shipment_id = d.pop("shipment_id")

        status = check_order_shipment_status(d.pop("status"))

        carrier = d.pop("carrier")

        def _parse_tracking_no(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tracking_no = _parse_tracking_no(d.pop("tracking_no"))

        warehouse = d.pop("warehouse")

        fulfilment_no = d.pop("fulfilment_no")

        replaced = d.pop("replaced")

        came_back = d.pop("came_back")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        scans = []
        _scans = d.pop("scans")
        for scans_item_data in _scans:
            scans_item = ShipmentScan.from_dict(scans_item_data)

            scans.append(scans_item)

        order_shipment = cls(
            shipment_id=shipment_id,
            status=status,
            carrier=carrier,
            tracking_no=tracking_no,
            warehouse=warehouse,
            fulfilment_no=fulfilment_no,
            replaced=replaced,
            came_back=came_back,
            created_at=created_at,
            scans=scans,
        )

        order_shipment.additional_properties = d
        return order_shipment

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
