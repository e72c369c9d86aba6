# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.capture_mode import CaptureMode, check_capture_mode
from ..models.priority import Priority, check_priority
from ..models.status import Status, check_status
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.address import Address
    from ..models.backorder_question import BackorderQuestion
    from ..models.contact import Contact
    from ..models.fulfilment import Fulfilment
    from ..models.needs_attention import NeedsAttention
    from ..models.order_hold import OrderHold
    from ..models.order_line import OrderLine
    from ..models.order_payment import OrderPayment
    from ..models.order_refund import OrderRefund
    from ..models.order_return import OrderReturn
    from ..models.order_shipment import OrderShipment
    from ..models.pending_change import PendingChange
    from ..models.situation import Situation
    from ..models.slot import Slot
    from ..models.waiting_for import WaitingFor


T = TypeVar("T", bound="Order")


@_attrs_define
class Order:
    """
    Attributes:
        order_no (str):
        channel (str):
        external_ref (None | str):
        type_ (str):
        status (Status):
        total_minor (int):
        items_minor (int):
        discount_minor (int):
        shipping_minor (int):
        tax_minor (int):
        currency (str):
        customer (Contact):
        ship_to (Address | None):
        note (None | str):
        delivery_slot (None | Slot):
        backorder (bool):
        ship_complete (bool):
        lines (list[OrderLine]):
        payments (list[OrderPayment]):
        capture (CaptureMode):
        shipments (list[OrderShipment]):
        fulfilments (list[Fulfilment]):
        backorder_choice (BackorderQuestion | None):
        refunds (list[OrderRefund]):
        returns (list[OrderReturn]):
        purchase_order (None | str):
        terms_days (int | None):
        due_at (datetime.datetime | None):
        owed_minor (int | None):
        exchange_of (None | str):
        exchange_return (None | str):
        pending_change (None | PendingChange):
        needs_attention (NeedsAttention | None):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        allowed_actions (list[str]):
        situation (Situation):
        waiting_for (None | WaitingFor):
        priority (Priority):
        warehouse (None | str):
        cancelling (None | str):
        workflow_id (str):
        holds (list[OrderHold] | None | Unset):
        tags (list[str] | None | Unset):
        assignee (None | str | Unset):
        temporal_ui_url (None | str | Unset):
    """

    order_no: str
    channel: str
    external_ref: None | str
    type_: str
    status: Status
    total_minor: int
    items_minor: int
    discount_minor: int
    shipping_minor: int
    tax_minor: int
    currency: str
    customer: Contact
    ship_to: Address | None
    note: None | str
    delivery_slot: None | Slot
    backorder: bool
    ship_complete: bool
    lines: list[OrderLine]
    payments: list[OrderPayment]
    capture: CaptureMode
    shipments: list[OrderShipment]
    fulfilments: list[Fulfilment]
    backorder_choice: BackorderQuestion | None
    refunds: list[OrderRefund]
    returns: list[OrderReturn]
    purchase_order: None | str
    terms_days: int | None
    due_at: datetime.datetime | None
    owed_minor: int | None
    exchange_of: None | str
    exchange_return: None | str
    pending_change: None | PendingChange
    needs_attention: NeedsAttention | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    allowed_actions: list[str]
    situation: Situation
    waiting_for: None | WaitingFor
    priority: Priority
    warehouse: None | str
    cancelling: None | str
    workflow_id: str
    holds: list[OrderHold] | None | Unset = UNSET
    tags: list[str] | None | Unset = UNSET
    assignee: None | str | Unset = UNSET
    temporal_ui_url: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.address import Address  # noqa: PLC0415
        from ..models.backorder_question import BackorderQuestion  # noqa: PLC0415
        from ..models.needs_attention import NeedsAttention  # noqa: PLC0415
        from ..models.pending_change import PendingChange  # noqa: PLC0415
        from ..models.slot import Slot  # noqa: PLC0415
        from ..models.waiting_for import WaitingFor  # noqa: PLC0415

        order_no = self.order_no

        channel = self.channel

        external_ref: None | str
        external_ref = self.external_ref

        type_ = self.type_

        status: str = self.status

        total_minor = self.total_minor

        items_minor = self.items_minor

        discount_minor = self.discount_minor

        shipping_minor = self.shipping_minor

        tax_minor = self.tax_minor

        currency = self.currency

        customer = self.customer.to_dict()

        ship_to: dict[str, Any] | None
        if isinstance(self.ship_to, Address):
            ship_to = self.ship_to.to_dict()
        else:
            ship_to = self.ship_to

        note: None | str
        note = self.note

        delivery_slot: dict[str, Any] | None
        if isinstance(self.delivery_slot, Slot):
            delivery_slot = self.delivery_slot.to_dict()
        else:
            delivery_slot = self.delivery_slot

        backorder = self.backorder

        ship_complete = self.ship_complete

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        payments = []
        for payments_item_data in self.payments:
            payments_item = payments_item_data.to_dict()
            payments.append(payments_item)

        capture: str = self.capture

        shipments = []
        for shipments_item_data in self.shipments:
            shipments_item = shipments_item_data.to_dict()
            shipments.append(shipments_item)

        fulfilments = []
        for fulfilments_item_data in self.fulfilments:
            fulfilments_item = fulfilments_item_data.to_dict()
            fulfilments.append(fulfilments_item)

        backorder_choice: dict[str, Any] | None
        if isinstance(self.backorder_choice, BackorderQuestion):
            backorder_choice = self.backorder_choice.to_dict()
        else:
            backorder_choice = self.backorder_choice

        refunds = []
        for refunds_item_data in self.refunds:
            refunds_item = refunds_item_data.to_dict()
            refunds.append(refunds_item)

        returns = []
        for returns_item_data in self.returns:
            returns_item = returns_item_data.to_dict()
            returns.append(returns_item)

        purchase_order: None | str
        purchase_order = self.purchase_order

        terms_days: int | None
        terms_days = self.terms_days

        due_at: None | str
        if isinstance(self.due_at, datetime.datetime):
            due_at = self.due_at.isoformat()
        else:
            due_at = self.due_at

        owed_minor: int | None
        owed_minor = self.owed_minor

        exchange_of: None | str
        exchange_of = self.exchange_of

        exchange_return: None | str
        exchange_return = self.exchange_return

        pending_change: dict[str, Any] | None
        if isinstance(self.pending_change, PendingChange):
            pending_change = self.pending_change.to_dict()
        else:
            pending_change = self.pending_change

        needs_attention: dict[str, Any] | None
        if isinstance(self.needs_attention, NeedsAttention):
            needs_attention = self.needs_attention.to_dict()
        else:
            needs_attention = self.needs_attention

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        allowed_actions = self.allowed_actions

        situation = self.situation.to_dict()

        waiting_for: dict[str, Any] | None
        if isinstance(self.waiting_for, WaitingFor):
            waiting_for = self.waiting_for.to_dict()
        else:
            waiting_for = self.waiting_for

        priority: str = self.priority

        warehouse: None | str
        warehouse = self.warehouse

        cancelling: None | str
        cancelling = self.cancelling

        workflow_id = self.workflow_id

        holds: list[dict[str, Any]] | None | Unset
        if isinstance(self.holds, Unset):
            holds = UNSET
        elif isinstance(self.holds, list):
            holds = []
            for holds_type_0_item_data in self.holds:
                holds_type_0_item = holds_type_0_item_data.to_dict()
                holds.append(holds_type_0_item)

        else:
            holds = self.holds

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

        temporal_ui_url: None | str | Unset
        if isinstance(self.temporal_ui_url, Unset):
            temporal_ui_url = UNSET
        else:
            temporal_ui_url = self.temporal_ui_url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "channel": channel,
                "external_ref": external_ref,
                "type": type_,
                "status": status,
                "total_minor": total_minor,
                "items_minor": items_minor,
                "discount_minor": discount_minor,
                "shipping_minor": shipping_minor,
                "tax_minor": tax_minor,
                "currency": currency,
                "customer": customer,
                "ship_to": ship_to,
                "note": note,
                "delivery_slot": delivery_slot,
                "backorder": backorder,
                "ship_complete": ship_complete,
                "lines": lines,
                "payments": payments,
                "capture": capture,
                "shipments": shipments,
                "fulfilments": fulfilments,
                "backorder_choice": backorder_choice,
                "refunds": refunds,
                "returns": returns,
                "purchase_order": purchase_order,
                "terms_days": terms_days,
                "due_at": due_at,
                "owed_minor": owed_minor,
                "exchange_of": exchange_of,
                "exchange_return": exchange_return,
                "pending_change": pending_change,
                "needs_attention": needs_attention,
                "created_at": created_at,
                "updated_at": updated_at,
                "allowed_actions": allowed_actions,
                "situation": situation,
                "waiting_for": waiting_for,
                "priority": priority,
                "warehouse": warehouse,
                "cancelling": cancelling,
                "workflow_id": workflow_id,
            }
        )
        if holds is not UNSET:
            field_dict["holds"] = holds
        if tags is not UNSET:
            field_dict["tags"] = tags
        if assignee is not UNSET:
            field_dict["assignee"] = assignee
        if temporal_ui_url is not UNSET:
            field_dict["temporal_ui_url"] = temporal_ui_url

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.address import Address  # noqa: PLC0415
        from ..models.backorder_question import BackorderQuestion  # noqa: PLC0415
        from ..models.contact import Contact  # noqa: PLC0415
        from ..models.fulfilment import Fulfilment  # noqa: PLC0415
        from ..models.needs_attention import NeedsAttention  # noqa: PLC0415
        from ..models.order_hold import OrderHold  # noqa: PLC0415
        from ..models.order_line import OrderLine  # noqa: PLC0415
        from ..models.order_payment import OrderPayment  # noqa: PLC0415
        from ..models.order_refund import OrderRefund  # noqa: PLC0415
        from ..models.order_return import OrderReturn  # noqa: PLC0415
        from ..models.order_shipment import OrderShipment  # noqa: PLC0415
        from ..models.pending_change import PendingChange  # noqa: PLC0415
        from ..models.situation import Situation  # noqa: PLC0415
        from ..models.slot import Slot  # noqa: PLC0415
        from ..models.waiting_for import WaitingFor  # noqa: PLC0415

        d = dict(src_dict)
        order_no = d.pop("order_no")

        channel = d.pop("channel")

        def _parse_external_ref(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        external_ref = _parse_external_ref(d.pop("external_ref"))

        type_ = d.pop("type")

        status = check_status(d.pop("status"))

        total_minor = d.pop("total_minor")

        items_minor = d.pop("items_minor")

        discount_minor = d.pop("discount_minor")

        shipping_minor = d.pop("shipping_minor")

        tax_minor = d.pop("tax_minor")

        currency = d.pop("currency")

        customer = Contact.from_dict(d.pop("customer"))

        def _parse_ship_to(data: object) -> Address | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                ship_to_type_0 = Address.from_dict(data)

                return ship_to_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Address | None, data)

        ship_to = _parse_ship_to(d.pop("ship_to"))

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        def _parse_delivery_slot(data: object) -> None | Slot:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                delivery_slot_type_0 = Slot.from_dict(data)

                return delivery_slot_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Slot, data)

        delivery_slot = _parse_delivery_slot(d.pop("delivery_slot"))

        backorder = d.pop("backorder")

        ship_complete = d.pop("ship_complete")

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = OrderLine.from_dict(lines_item_data)

            lines.append(lines_item)

        payments = []
        _payments = d.pop("payments")
        for payments_item_data in _payments:
            payments_item = OrderPayment.from_dict(payments_item_data)

            payments.append(payments_item)

        capture = check_capture_mode(d.pop("capture"))

        shipments = []
        _shipments = d.pop("shipments")
        for shipments_item_data in _shipments:
            shipments_item = OrderShipment.from_dict(shipments_item_data)

            shipments.append(shipments_item)

        fulfilments = []
        _fulfilments = d.pop("fulfilments")
        for fulfilments_item_data in _fulfilments:
            fulfilments_item = Fulfilment.from_dict(fulfilments_item_data)

            fulfilments.append(fulfilments_item)

        def _parse_backorder_choice(data: object) -> BackorderQuestion | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                backorder_choice_type_0 = BackorderQuestion.from_dict(data)

                return backorder_choice_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BackorderQuestion | None, data)

        backorder_choice = _parse_backorder_choice(d.pop("backorder_choice"))

        refunds = []
        _refunds = d.pop("refunds")
        for refunds_item_data in _refunds:
            refunds_item = OrderRefund.from_dict(refunds_item_data)

            refunds.append(refunds_item)

        returns = []
        _returns = d.pop("returns")
        for returns_item_data in _returns:
            returns_item = OrderReturn.from_dict(returns_item_data)

            returns.append(returns_item)

        def _parse_purchase_order(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        purchase_order = _parse_purchase_order(d.pop("purchase_order"))

        def _parse_terms_days(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        terms_days = _parse_terms_days(d.pop("terms_days"))

        def _parse_due_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                due_at_type_0 = datetime.datetime.fromisoformat(data)

                return due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        due_at = _parse_due_at(d.pop("due_at"))

        def _parse_owed_minor(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        owed_minor = _parse_owed_minor(d.pop("owed_minor"))

        def _parse_exchange_of(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        exchange_of = _parse_exchange_of(d.pop("exchange_of"))

        def _parse_exchange_return(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        exchange_return = _parse_exchange_return(d.pop("exchange_return"))

        def _parse_pending_change(data: object) -> None | PendingChange:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                pending_change_type_0 = PendingChange.from_dict(data)

                return pending_change_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PendingChange, data)

        pending_change = _parse_pending_change(d.pop("pending_change"))

        def _parse_needs_attention(data: object) -> NeedsAttention | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                needs_attention_type_0 = NeedsAttention.from_dict(data)

                return needs_attention_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NeedsAttention | None, data)

        needs_attention = _parse_needs_attention(d.pop("needs_attention"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        allowed_actions = cast(list[str], d.pop("allowed_actions"))

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

        priority = check_priority(d.pop("priority"))

        def _parse_warehouse(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        warehouse = _parse_warehouse(d.pop("warehouse"))

        def _parse_cancelling(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        cancelling = _parse_cancelling(d.pop("cancelling"))

        workflow_id = d.pop("workflow_id")

        def _parse_holds(data: object) -> list[OrderHold] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                holds_type_0 = []
                _holds_type_0 = data
                for holds_type_0_item_data in _holds_type_0:
                    holds_type_0_item = OrderHold.from_dict(holds_type_0_item_data)

                    holds_type_0.append(holds_type_0_item)

                return holds_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[OrderHold] | None | Unset, data)

        holds = _parse_holds(d.pop("holds", UNSET))

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

        def _parse_temporal_ui_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        temporal_ui_url = _parse_temporal_ui_url(d.pop("temporal_ui_url", UNSET))

        order = cls(
            order_no=order_no,
            channel=channel,
            external_ref=external_ref,
            type_=type_,
            status=status,
            total_minor=total_minor,
            items_minor=items_minor,
            discount_minor=discount_minor,
            shipping_minor=shipping_minor,
            tax_minor=tax_minor,
            currency=currency,
            customer=customer,
            ship_to=ship_to,
            note=note,
            delivery_slot=delivery_slot,
            backorder=backorder,
            ship_complete=ship_complete,
            lines=lines,
            payments=payments,
            capture=capture,
            shipments=shipments,
            fulfilments=fulfilments,
            backorder_choice=backorder_choice,
            refunds=refunds,
            returns=returns,
            purchase_order=purchase_order,
            terms_days=terms_days,
            due_at=due_at,
            owed_minor=owed_minor,
            exchange_of=exchange_of,
            exchange_return=exchange_return,
            pending_change=pending_change,
            needs_attention=needs_attention,
            created_at=created_at,
            updated_at=updated_at,
            allowed_actions=allowed_actions,
            situation=situation,
            waiting_for=waiting_for,
            priority=priority,
            warehouse=warehouse,
            cancelling=cancelling,
            workflow_id=workflow_id,
            holds=holds,
            tags=tags,
            assignee=assignee,
            temporal_ui_url=temporal_ui_url,
        )

        order.additional_properties = d
        return order

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
