# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_return_label import OrderReturnLabel, check_order_return_label
from ..models.reason import Reason, check_reason
from ..models.resolution import Resolution, check_resolution
from ..models.return_due import ReturnDue, check_return_due
from ..models.return_status import ReturnStatus, check_return_status
from ..models.shipment_status import ShipmentStatus, check_shipment_status

if TYPE_CHECKING:
    from ..models.already_refunded import AlreadyRefunded
    from ..models.exchange import Exchange
    from ..models.return_refund import ReturnRefund
    from ..models.returned_line import ReturnedLine


T = TypeVar("T", bound="OrderReturn")


@_attrs_define
class OrderReturn:
    """
    Attributes:
        return_id (str):
        return_no (int):
        rma_no (str):
        order_no (str):
        status (ReturnStatus):
        resolution (Resolution):
        reason_code (Reason):
        warehouse (str):
        deadline (datetime.datetime | None):
        remind_at (datetime.datetime | None):
        reminded_at (datetime.datetime | None):
        default_outcome (None | ReturnDue):
        label (OrderReturnLabel):
        carrier (None | str):
        tracking_no (None | str):
        parcel (None | ShipmentStatus):
        settled (None | str):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        refund (None | ReturnRefund):
        already_refunded (AlreadyRefunded | None):
        exchange (Exchange | None):
        lines (list[ReturnedLine]):
    """

    return_id: str
    return_no: int
    rma_no: str
    order_no: str
    status: ReturnStatus
    resolution: Resolution
    reason_code: Reason
    warehouse: str
    deadline: datetime.datetime | None
    remind_at: datetime.datetime | None
    reminded_at: datetime.datetime | None
    default_outcome: None | ReturnDue
    label: OrderReturnLabel
    carrier: None | str
    tracking_no: None | str
    parcel: None | ShipmentStatus
    settled: None | str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    refund: None | ReturnRefund
    already_refunded: AlreadyRefunded | None
    exchange: Exchange | None
    lines: list[ReturnedLine]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.already_refunded import AlreadyRefunded  # noqa: PLC0415
        from ..models.exchange import Exchange  # noqa: PLC0415
        from ..models.return_refund import ReturnRefund  # noqa: PLC0415

        return_id = self.return_id

        return_no = self.return_no

        rma_no = self.rma_no

        order_no = self.order_no

        status: str = self.status

        resolution: str = self.resolution

        reason_code: str = self.reason_code

        warehouse = self.warehouse

        deadline: None | str
        if isinstance(self.deadline, datetime.datetime):
            deadline = self.deadline.isoformat()
        else:
            deadline = self.deadline

        remind_at: None | str
        if isinstance(self.remind_at, datetime.datetime):
            remind_at = self.remind_at.isoformat()
        else:
            remind_at = self.remind_at

        reminded_at: None | str
        if isinstance(self.reminded_at, datetime.datetime):
            reminded_at = self.reminded_at.isoformat()
        else:
            reminded_at = self.reminded_at

        default_outcome: None | str
        if isinstance(self.default_outcome, str):
            default_outcome = self.default_outcome
        else:
            default_outcome = self.default_outcome

        label: str = self.label

        carrier: None | str
        carrier = self.carrier

        tracking_no: None | str
        tracking_no = self.tracking_no

        parcel: None | str
        if isinstance(self.parcel, str):
            parcel = self.parcel
        else:
            parcel = self.parcel

        settled: None | str
        settled = self.settled

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        refund: dict[str, Any] | None
        if isinstance(self.refund, ReturnRefund):
            refund = self.refund.to_dict()
        else:
            refund = self.refund

        already_refunded: dict[str, Any] | None
        if isinstance(self.already_refunded, AlreadyRefunded):
            already_refunded = self.already_refunded.to_dict()
        else:
            already_refunded = self.already_refunded

        exchange: dict[str, Any] | None
        if isinstance(self.exchange, Exchange):
            exchange = self.exchange.to_dict()
        else:
            exchange = self.exchange

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "return_id": return_id,
                "return_no": return_no,
                "rma_no": rma_no,
                "order_no": order_no,
                "status": status,
                "resolution": resolution,
                "reason_code": reason_code,
                "warehouse": warehouse,
                "deadline": deadline,
                "remind_at": remind_at,
                "reminded_at": reminded_at,
                "default_outcome": default_outcome,
                "label": label,
                "carrier": carrier,
                "tracking_no": tracking_no,
                "parcel": parcel,
                "settled": settled,
                "created_at": created_at,
                "updated_at": updated_at,
                "refund": refund,
                "already_refunded": already_refunded,
                "exchange": exchange,
                "lines": lines,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.already_refunded import AlreadyRefunded  # noqa: PLC0415
        from ..models.exchange import Exchange  # noqa: PLC0415
        from ..models.return_refund import ReturnRefund  # noqa: PLC0415
        from ..models.returned_line import ReturnedLine  # noqa: PLC0415

        d = dict(src_dict)
        return_id = d.pop("return_id")

        return_no = d.pop("return_no")

        rma_no = d.pop("rma_no")

        order_no = d.pop("order_no")

        status = check_return_status(d.pop("status"))

        resolution = check_resolution(d.pop("resolution"))

        reason_code = check_reason(d.pop("reason_code"))

        warehouse = d.pop("warehouse")

        def _parse_deadline(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                deadline_type_0 = datetime.datetime.fromisoformat(data)

                return deadline_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        deadline = _parse_deadline(d.pop("deadline"))

        def _parse_remind_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                remind_at_type_0 = datetime.datetime.fromisoformat(data)

                return remind_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        remind_at = _parse_remind_at(d.pop("remind_at"))

        def _parse_reminded_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                reminded_at_type_0 = datetime.datetime.fromisoformat(data)

                return reminded_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        reminded_at = _parse_reminded_at(d.pop("reminded_at"))

        def _parse_default_outcome(data: object) -> None | ReturnDue:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                default_outcome_type_0 = check_return_due(data)

                return default_outcome_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ReturnDue, data)

        default_outcome = _parse_default_outcome(d.pop("default_outcome"))

        label = check_order_return_label(d.pop("label"))

        def _parse_carrier(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        carrier = _parse_carrier(d.pop("carrier"))

        def _parse_tracking_no(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tracking_no = _parse_tracking_no(d.pop("tracking_no"))

        def _parse_parcel(data: object) -> None | ShipmentStatus:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                parcel_type_0 = check_shipment_status(data)

                return parcel_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ShipmentStatus, data)

        parcel = _parse_parcel(d.pop("parcel"))

        def _parse_settled(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        settled = _parse_settled(d.pop("settled"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        def _parse_refund(data: object) -> None | ReturnRefund:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                refund_type_0 = ReturnRefund.from_dict(data)

                return refund_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ReturnRefund, data)

        refund = _parse_refund(d.pop("refund"))

        def _parse_already_refunded(data: object) -> AlreadyRefunded | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                already_refunded_type_0 = AlreadyRefunded.from_dict(data)

                return already_refunded_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AlreadyRefunded | None, data)

        already_refunded = _parse_already_refunded(d.pop("already_refunded"))

        def _parse_exchange(data: object) -> Exchange | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                exchange_type_0 = Exchange.from_dict(data)

                return exchange_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Exchange | None, data)

        exchange = _parse_exchange(d.pop("exchange"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = ReturnedLine.from_dict(lines_item_data)

            lines.append(lines_item)

        order_return = cls(
            return_id=return_id,
            return_no=return_no,
            rma_no=rma_no,
            order_no=order_no,
            status=status,
            resolution=resolution,
            reason_code=reason_code,
            warehouse=warehouse,
            deadline=deadline,
            remind_at=remind_at,
            reminded_at=reminded_at,
            default_outcome=default_outcome,
            label=label,
            carrier=carrier,
            tracking_no=tracking_no,
            parcel=parcel,
            settled=settled,
            created_at=created_at,
            updated_at=updated_at,
            refund=refund,
            already_refunded=already_refunded,
            exchange=exchange,
            lines=lines,
        )

        order_return.additional_properties = d
        return order_return

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
