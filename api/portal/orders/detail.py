"""One order for its customer: its status, what it waits for, its parcel, its money, and the possible actions."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.dependencies import order_number, services_of
from api.pages.i18n import language
from api.portal.i18n import own
from api.portal.orders.headline import headline
from api.portal.rendering import HOME, page, sentence_time
from api.portal.session import CurrentCustomer, show_order
from api.presenters import situations
from api.presenters.orders import presented
from api.services.catalogue import line_products
from api.services.portal import customer_orders
from api.services.virtual import order_codes
from domain.orders.status import Status
from domain.payments.refunds import RefundStatus
from domain.shipping.tracking_links import shops_pages, tracking_link
from infra.observability.telemetry import bind_order

router = APIRouter(prefix=f"{HOME}/orders")

MAX_EVENTS = 500
_DECIDED = (RefundStatus.AWAITING_APPROVAL, RefundStatus.APPROVED)
# The way of an order that goes well: what a customer sees of it as steps, each with the events that end it.
STEPS: dict[str, tuple[str, ...]] = {
    "ordered": ("order_placed",),
    "paid": ("payment_captured", "payment_recorded", "capture_deferred", "payment_on_terms"),
    "packed": ("shipment_booked", "shipment_recorded"),
    "sent": ("shipment_picked_up",),
    "delivered": ("shipment_delivered",),
}
# Between the pick-up and the delivery of an order whose parcel did not arrive and that is sent again.
_AGAIN = {"replaced": "parcel_replaced", "resent": "replacement_picked_up"}


@router.get("/{order_no}")
async def order(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """The order's page, live where scripts run."""
    services, number = services_of(request), order_number(order_no)
    bind_order(number)
    found = await customer_orders.read(services, session.contact, number, MAX_EVENTS)
    await show_order(services, session, number)
    view, events = presented(found.order, found.customer, services.settings), found.events
    lang, times = language(request), sentence_time(request, session.place)
    situation = situations.for_order(found.order, view, found.customer, lang, times)
    lines = merged(view["lines"])
    context: dict[str, Any] = {
        "order": view,
        "headline": headline(view, situation),
        "situation": situation,
        "lines": lines,
        "products": await line_products.on_lines(services, [line["sku"] for line in lines], lang),
        "expected": found.expected,
        "tracking": partial(tracking_link, shops=shops_pages(services_of(request).settings.tracking_links)),
        "tale": [event for event in events[::-1] if own(f"tale.{event['type']}")],
        "steps": steps(events) if view["status"] != Status.CANCELLED else [],
        "charges": charges(view),
        "codes": await order_codes.bought(services, number) if view["fulfilments"] else [],
        "money": money_of(view["payments"], view["refunds"]),
        "to_charge": situations.authorised_minor(view["payments"]) if view["capture"] == "shipment" else 0,
        "declined": declined(view["payments"]),
    }
    template = "order_live.html" if request.headers.get("x-live") else "order.html"
    return page(request, template, **context)


def steps(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """Each step with the time of its end, or None while it is to come; with the steps of the second parcel where the
    order is sent again."""
    first: dict[str, Any] = {}
    for event in events:
        first.setdefault(event["type"], event["occurred_at"])
    found = [(step, next((first[e] for e in ends if e in first), None)) for step, ends in STEPS.items()]
    again = [(step, first.get(event)) for step, event in _AGAIN.items()] if _AGAIN["replaced"] in first else []
    return [*found[:-1], *again, found[-1]]


def merged(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines of one product at one price as one line: more of it that was ordered later is the same item."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for line in lines:
        known = found.setdefault((line["sku"], line["unit_price_minor"]), {**line, "quantity": 0, "total_minor": 0})
        known["quantity"] += line["quantity"]
        known["total_minor"] += line["total_minor"]
    return list(found.values())


def charges(order: Mapping[str, Any]) -> list[tuple[str, int]]:
    """What lies between the goods and the total; in one sum where a change has left parts that do not add up."""
    goods = sum(line["total_minor"] for line in order["lines"])
    parts = [("discount", -order["discount_minor"]), ("shipping", order["shipping_minor"])]
    rest = order["total_minor"] - goods - sum(amount for _, amount in parts)
    if rest < 0 or rest > order["tax_minor"]:
        parts, rest = [("charges", order["total_minor"] - goods)], 0
    return [(what, amount) for what, amount in (*parts, ("tax", rest)) if amount]


def declined(payments: list[dict[str, Any]]) -> bool:
    """Whether the newest payment came to nothing."""
    tried = [payment for payment in payments if payment["kind"] in ("authorise", "capture")]
    return bool(tried) and tried[-1]["status"] == "failed"


def money_of(payments: list[dict[str, Any]], refunds: list[dict[str, Any]]) -> dict[str, int]:
    """Minor units paid, given back, and on their way back: a refund is decided before its payment begins."""

    def total(kind: str, *statuses: str) -> int:
        return sum(p["amount_minor"] for p in payments if p["kind"] == kind and p["status"] in statuses)

    decided = sum(refund["amount_minor"] for refund in refunds if refund["status"] in _DECIDED)
    return {
        "paid": total("capture", "succeeded"),
        "returned": total("refund", "succeeded"),
        "on_its_way": max(decided, total("refund", "intent", "pending")),
    }
