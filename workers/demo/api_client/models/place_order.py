# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.place_order_type import PlaceOrderType, check_place_order_type
from ..models.priority import Priority, check_priority
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.customer import Customer
    from ..models.delivery_slot import DeliverySlot
    from ..models.line import Line
    from ..models.payment import Payment
    from ..models.ship_to import ShipTo


T = TypeVar("T", bound="PlaceOrder")


@_attrs_define
class PlaceOrder:
    """
    Attributes:
        channel (str):
        currency (str):
        customer (Customer):
        ship_to (ShipTo):
        lines (list[Line]):
        external_ref (None | str | Unset):
        type_ (PlaceOrderType | Unset):  Default: 'standard'.
        purchase_order (None | str | Unset):
        terms_days (int | None | Unset):
        payment (None | Payment | Unset):
        note (None | str | Unset):
        delivery_slot (DeliverySlot | None | Unset):
        backorder (bool | Unset):  Default: False.
        ship_complete (bool | Unset):  Default: True.
        priority (Priority | Unset):
        discount_minor (int | None | Unset):
        shipping_minor (int | None | Unset):
    """

    channel: str
    currency: str
    customer: Customer
    ship_to: ShipTo
    lines: list[Line]
    external_ref: None | str | Unset = UNSET
    type_: PlaceOrderType | Unset = "standard"
    purchase_order: None | str | Unset = UNSET
    terms_days: int | None | Unset = UNSET
    payment: None | Payment | Unset = UNSET
    note: None | str | Unset = UNSET
    delivery_slot: DeliverySlot | None | Unset = UNSET
    backorder: bool | Unset = False
    ship_complete: bool | Unset = True
    priority: Priority | Unset = UNSET
    discount_minor: int | None | Unset = UNSET
    shipping_minor: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.delivery_slot import DeliverySlot  # noqa: PLC0415
        from ..models.payment import Payment  # noqa: PLC0415

        channel = self.channel

        currency = self.currency

        customer = self.customer.to_dict()

        ship_to = self.ship_to.to_dict()

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        external_ref: None | str | Unset
        if isinstance(self.external_ref, Unset):
            external_ref = UNSET
        else:
            external_ref = self.external_ref

        type_: str | Unset = UNSET
        if not isinstance(self.type_, Unset):
            type_ = self.type_

        purchase_order: None | str | Unset
        if isinstance(self.purchase_order, Unset):
            purchase_order = UNSET
        else:
            purchase_order = self.purchase_order

        terms_days: int | None | Unset
        if isinstance(self.terms_days, Unset):
            terms_days = UNSET
        else:
            terms_days = self.terms_days

        payment: dict[str, Any] | None | Unset
        if isinstance(self.payment, Unset):
            payment = UNSET
        elif isinstance(self.payment, Payment):
            payment = self.payment.to_dict()
        else:
            payment = self.payment

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note

        delivery_slot: dict[str, Any] | None | Unset
        if isinstance(self.delivery_slot, Unset):
            delivery_slot = UNSET
        elif isinstance(self.delivery_slot, DeliverySlot):
            delivery_slot = self.delivery_slot.to_dict()
        else:
            delivery_slot = self.delivery_slot

        backorder = self.backorder

        ship_complete = self.ship_complete

        priority: str | Unset = UNSET
        if not isinstance(self.priority, Unset):
            priority = self.priority

        discount_minor: int | None | Unset
        if isinstance(self.discount_minor, Unset):
            discount_minor = UNSET
        else:
            discount_minor = self.discount_minor

        shipping_minor: int | None | Unset
        if isinstance(self.shipping_minor, Unset):
            shipping_minor = UNSET
        else:
            shipping_minor = self.shipping_minor

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "channel": channel,
                "currency": currency,
                "customer": customer,
                "ship_to": ship_to,
                "lines": lines,
            }
        )
        if external_ref is not UNSET:
            field_dict["external_ref"] = external_ref
        if type_ is not UNSET:
            field_dict["type"] = type_
        if purchase_order is not UNSET:
            field_dict["purchase_order"] = purchase_order
        if terms_days is not UNSET:
            field_dict["terms_days"] = terms_days
        if payment is not UNSET:
            field_dict["payment"] = payment
        if note is not UNSET:
            field_dict["note"] = note
        if delivery_slot is not UNSET:
            field_dict["delivery_slot"] = delivery_slot
        if backorder is not UNSET:
            field_dict["backorder"] = backorder
        if ship_complete is not UNSET:
            field_dict["ship_complete"] = ship_complete
        if priority is not UNSET:
            field_dict["priority"] = priority
        if discount_minor is not UNSET:
            field_dict["discount_minor"] = discount_minor
        if shipping_minor is not UNSET:
            field_dict["shipping_minor"] = shipping_minor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.customer import Customer  # noqa: PLC0415
        from ..models.delivery_slot import DeliverySlot  # noqa: PLC0415
        from ..models.line import Line  # noqa: PLC0415
        from ..models.payment import Payment  # noqa: PLC0415
        from ..models.ship_to import ShipTo  # noqa: PLC0415

        d = dict(src_dict)
        channel = d.pop("channel")

        currency = d.pop("currency")

        customer = Customer.from_dict(d.pop("customer"))

        ship_to = ShipTo.from_dict(d.pop("ship_to"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = Line.from_dict(lines_item_data)

            lines.append(lines_item)

        def _parse_external_ref(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        external_ref = _parse_external_ref(d.pop("external_ref", UNSET))

        _type_ = d.pop("type", UNSET)
        type_: PlaceOrderType | Unset
        if isinstance(_type_, Unset):
            type_ = UNSET
        else:
            type_ = check_place_order_type(_type_)

        def _parse_purchase_order(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        purchase_order = _parse_purchase_order(d.pop("purchase_order", UNSET))

        def _parse_terms_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        terms_days = _parse_terms_days(d.pop("terms_days", UNSET))

        def _parse_payment(data: object) -> None | Payment | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                payment_type_0 = Payment.from_dict(data)

                return payment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Payment | Unset, data)

        payment = _parse_payment(d.pop("payment", UNSET))

        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))

        def _parse_delivery_slot(data: object) -> DeliverySlot | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                delivery_slot_type_0 = DeliverySlot.from_dict(data)

                return delivery_slot_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DeliverySlot | None | Unset, data)

        delivery_slot = _parse_delivery_slot(d.pop("delivery_slot", UNSET))

        backorder = d.pop("backorder", UNSET)

        ship_complete = d.pop("ship_complete", UNSET)

        _priority = d.pop("priority", UNSET)
        priority: Priority | Unset
        if isinstance(_priority, Unset):
            priority = UNSET
        else:
            priority = check_priority(_priority)

        def _parse_discount_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        discount_minor = _parse_discount_minor(d.pop("discount_minor", UNSET))

        def _parse_shipping_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        shipping_minor = _parse_shipping_minor(d.pop("shipping_minor", UNSET))

        place_order = cls(
            channel=channel,
            currency=currency,
            customer=customer,
            ship_to=ship_to,
            lines=lines,
            external_ref=external_ref,
            type_=type_,
            purchase_order=purchase_order,
            terms_days=terms_days,
            payment=payment,
            note=note,
            delivery_slot=delivery_slot,
            backorder=backorder,
            ship_complete=ship_complete,
            priority=priority,
            discount_minor=discount_minor,
            shipping_minor=shipping_minor,
        )

        return place_order
