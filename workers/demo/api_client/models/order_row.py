# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.fulfilment_state import FulfilmentState, check_fulfilment_state
from ..models.order_row_matched_item import OrderRowMatchedItem, check_order_row_matched_item
from ..models.payment_state import PaymentState, check_payment_state
from ..models.priority import Priority, check_priority
from ..models.status import Status, check_status
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.destination import Destination
    from ..models.fulfilment_progress import FulfilmentProgress
    from ..models.situation import Situation
    from ..models.waiting_for import WaitingFor


T = TypeVar("T", bound="OrderRow")


@_attrs_define
class OrderRow:
    """
    Attributes:
        order_no (str):
        status (Status):
        channel (str):
        external_ref (None | str):
        customer_id (str):
        total_minor (int):
        currency (str):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        needs_attention (None | str):
        hold (None | str):
        warehouse (None | str):
        priority (Priority):
        situation (Situation):
        waiting_for (None | WaitingFor):
        customer_name (None | str):
        item_count (int):
        item_names (list[str]):
        destination (Destination):
        payment_status (PaymentState):
        fulfilment_status (FulfilmentState):
        fulfilment_progress (FulfilmentProgress | None):
        warehouses (list[str]):
        matched (list[OrderRowMatchedItem]):
        tags (list[str] | None | Unset):
        assignee (None | str | Unset):
    """

    order_no: str
    status: Status
    channel: str
    external_ref: None | str
    customer_id: str
    total_minor: int
    currency: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    needs_attention: None | str
    hold: None | str
    warehouse: None | str
    priority: Priority
    situation: Situation
    waiting_for: None | WaitingFor
    customer_name: None | str
    item_count: int
    item_names: list[str]
    destination: Destination
    payment_status: PaymentState
    fulfilment_status: FulfilmentState
    fulfilment_progress: FulfilmentProgress | None
    warehouses: list[str]
    matched: list[OrderRowMatchedItem]
    tags: list[str] | None | Unset = UNSET
    assignee: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.fulfilment_progress import FulfilmentProgress  # noqa: PLC0415
        from ..models.waiting_for import WaitingFor  # noqa: PLC0415

        order_no = self.order_no

        status: str = self.status

        channel = self.channel

        external_ref: None | str
        external_ref = self.external_ref

        customer_id = self.customer_id

        total_minor = self.total_minor

        currency = self.currency

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        needs_attention: None | str
        needs_attention = self.needs_attention

        hold: None | str
        hold = self.hold

        warehouse: None | str
        warehouse = self.warehouse

        priority: str = self.priority

        situation = self.situation.to_dict()

        waiting_for: dict[str, Any] | None
        if isinstance(self.waiting_for, WaitingFor):
            waiting_for = self.waiting_for.to_dict()
        else:
            waiting_for = self.waiting_for

        customer_name: None | str
        customer_name = self.customer_name

        item_count = self.item_count

        item_names = self.item_names

        destination = self.destination.to_dict()

        payment_status: str = self.payment_status

        fulfilment_status: str = self.fulfilment_status

        fulfilment_progress: dict[str, Any] | None
        if isinstance(self.fulfilment_progress, FulfilmentProgress):
            fulfilment_progress = self.fulfilment_progress.to_dict()
        else:
            fulfilment_progress = self.fulfilment_progress

        warehouses = self.warehouses

        matched = []
        for matched_item_data in self.matched:
            matched_item: str = matched_item_data
            matched.append(matched_item)

        tags: list[str] | None | Unset
        if isinstance(self.tags, Unset):
            tags = UNSET
        elif isinstance(self.tags, list):
            tags = self.tags

        else:
            tags = self.tags

        assignee: None | str | Unset
        if isinstance(self.assignee, Unset):
            assignee = UNSET
        else:
            assignee = self.assignee

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "status": status,
                "channel": channel,
                "external_ref": external_ref,
                "customer_id": customer_id,
                "total_minor": total_minor,
                "currency": currency,
                "created_at": created_at,
                "updated_at": updated_at,
                "needs_attention": needs_attention,
                "hold": hold,
                "warehouse": warehouse,
                "priority": priority,
                "situation": situation,
                "waiting_for": waiting_for,
                "customer_name": customer_name,
                "item_count": item_count,
                "item_names": item_names,
                "destination": destination,
                "payment_status": payment_status,
                "fulfilment_status": fulfilment_status,
                "fulfilment_progress": fulfilment_progress,
                "warehouses": warehouses,
                "matched": matched,
            }
        )
        if tags is not UNSET:
            field_dict["tags"] = tags
        if assignee is not UNSET:
            field_dict["assignee"] = assignee

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.destination import Destination  # noqa: PLC0415
        from ..models.fulfilment_progress import FulfilmentProgress  # noqa: PLC0415
        from ..models.situation import Situation  # noqa: PLC0415
        from ..models.waiting_for import WaitingFor  # noqa: PLC0415

        d = dict(src_dict)
        order_no = d.pop("order_no")

        status = check_status(d.pop("status"))

        channel = d.pop("channel")

        def _parse_external_ref(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        external_ref = _parse_external_ref(d.pop("external_ref"))

        customer_id = d.pop("customer_id")

        total_minor = d.pop("total_minor")

        currency = d.pop("currency")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        def _parse_needs_attention(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        needs_attention = _parse_needs_attention(d.pop("needs_attention"))

        def _parse_hold(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        hold = _parse_hold(d.pop("hold"))

        def _parse_warehouse(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        warehouse = _parse_warehouse(d.pop("warehouse"))

        priority = check_priority(d.pop("priority"))

        situation = Situation.from_dict(d.pop("situation"))

        def _parse_waiting_for(data: object) -> None | WaitingFor:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                waiting_for_type_0 = WaitingFor.from_dict(data)

                return waiting_for_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | WaitingFor, data)

        waiting_for = _parse_waiting_for(d.pop("waiting_for"))

        def _parse_customer_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        customer_name = _parse_customer_name(d.pop("customer_name"))

        item_count = d.pop("item_count")

        item_names = cast(list[str], d.pop("item_names"))

        destination = Destination.from_dict(d.pop("destination"))

        payment_status = check_payment_state(d.pop("payment_status"))

        fulfilment_status = check_fulfilment_state(d.pop("fulfilment_status"))

        def _parse_fulfilment_progress(data: object) -> FulfilmentProgress | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                fulfilment_progress_type_0 = FulfilmentProgress.from_dict(data)

                return fulfilment_progress_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(FulfilmentProgress | None, data)

        fulfilment_progress = _parse_fulfilment_progress(d.pop("fulfilment_progress"))

        warehouses = cast(list[str], d.pop("warehouses"))

        matched = []
        _matched = d.pop("matched")
        for matched_item_data in _matched:
            matched_item = check_order_row_matched_item(matched_item_data)

            matched.append(matched_item)

        def _parse_tags(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                tags_type_0 = cast(list[str], data)

                return tags_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        tags = _parse_tags(d.pop("tags", UNSET))

        def _parse_assignee(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        assignee = _parse_assignee(d.pop("assignee", UNSET))

        order_row = cls(
            order_no=order_no,
            status=status,
            channel=channel,
            external_ref=external_ref,
            customer_id=customer_id,
            total_minor=total_minor,
            currency=currency,
            created_at=created_at,
            updated_at=updated_at,
            needs_attention=needs_attention,
            hold=hold,
            warehouse=warehouse,
            priority=priority,
            situation=situation,
            waiting_for=waiting_for,
            customer_name=customer_name,
            item_count=item_count,
            item_names=item_names,
            destination=destination,
            payment_status=payment_status,
            fulfilment_status=fulfilment_status,
            fulfilment_progress=fulfilment_progress,
            warehouses=warehouses,
            matched=matched,
            tags=tags,
            assignee=assignee,
        )

        order_row.additional_properties = d
        return order_row

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
