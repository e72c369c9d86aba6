"""Placing an order: who may place which, and what the database keeps of it."""

from collections.abc import Callable
from dataclasses import replace

from api.dependencies import Services, actor, methods
from api.errors import Problem
from api.idempotency import replayed, request_of
from api.replies import Reply
from api.schemas.orders.orders import PlaceOrder
from domain.access import Principal, Role
from domain.orders.delivery_slots import require_length
from domain.orders.lines import MAX_QUANTITY, RequestedLine, wanted_units
from domain.orders.priority import RANKS, Priority
from domain.orders.status import Status
from domain.text import counted
from infra.db import idempotency
from infra.db.idempotency import Answered
from infra.db.orders.placing.drafts import NewOrder, OrderAnswer, OrderTerms, Placed
from infra.db.orders.placing.placement import place
from infra.db.read_models.order_detail import OrderOverview
from infra.observability.telemetry import bind_order, current_traceparent
from infra.settings import Settings
from infra.time_zones import zone_at
from workflows import names


async def place_order(
    services: Services,
    caller: Principal,
    key: str,
    digest: bytes,
    order: PlaceOrder,
    wait_s: float,
    shown_total_minor: int | None = None,
) -> Reply:
    """Keep the order; with `wait_s` the answer waits until its stock is reserved or refused. Where another total was
    shown than it has, nothing is kept.

    Raises Problem, RuleBroken: what is wrong with the order, or who may not place it.
    """
    settings = services.settings
    _check_caller(order, caller, settings.customer_channel)
    _check_order(order, caller, settings)
    draft = _draft(caller, key, digest, order, wait_s, settings, full=services.backlog.full)
    draft = replace(draft, shown_total_minor=shown_total_minor) if shown_total_minor is not None else draft
    outcome = await place(services.database, services.together, services.keys, draft)
    if isinstance(outcome, Answered):
        return replayed(outcome)
    bind_order(outcome.order_no)
    if outcome.claim is not None:
        return await _answer_later(services, outcome, wait_s)
    return Reply(outcome.body, 201)


async def _answer_later(services: Services, placed: Placed, wait_s: float) -> Reply:
    overview = await services.watcher.wait(placed.order_no, _reserved_or_refused, wait_s)
    body: OrderAnswer = placed.body if overview is None else {**placed.body, "status": overview.status}
    assert placed.claim is not None
    async with services.database.begin() as conn:
        await idempotency.finish(conn, services.keys, placed.claim, 201, body)
    return Reply(body, 201)


def _reserved_or_refused(overview: OrderOverview) -> bool:
    """A backorder that waits for stock has its answer, too."""
    return overview.status != Status.RECEIVED or (overview.waiting is not None and overview.waiting["what"] == "stock")


def _check_caller(order: PlaceOrder, caller: Principal, customers_channel: str) -> None:
    """Nobody orders in another's name or through another's channel, and a channel's numbers are its own.

    Raises Problem `customer_mismatch`, `channel_mismatch`, `external_ref_not_accepted`, `priority_not_accepted`.
    """
    if caller.role is Role.CHANNEL and order.channel != caller.subject:
        raise Problem("channel_mismatch", "a channel sends its own orders: channel is the token's subject")
    if caller.role is not Role.CUSTOMER:
        return
    if order.customer.id != caller.subject:
        raise Problem("customer_mismatch", "customers order for themselves only: customer.id is the token's subject")
    if order.channel != customers_channel:
        raise Problem("channel_mismatch", f"a customer orders through the channel {customers_channel}")
    if order.external_ref is not None:
        raise Problem("external_ref_not_accepted", "external_ref is the number of a shop's own order; leave it out")
    if order.priority is not Priority.STANDARD:
        raise Problem("priority_not_accepted", "the shop says how pressing an order is; leave priority out")


def _check_order(order: PlaceOrder, caller: Principal, settings: Settings) -> None:
    """What needs no books. Raises Problem, RuleBroken `invalid_delivery_slot`."""
    max_lines, known = settings.max_order_lines, methods(settings)
    if len(order.lines) > max_lines:
        raise Problem("too_many_lines", f"an order has at most {counted(max_lines, 'line')}; place several orders")
    if any(units > MAX_QUANTITY for units in wanted_units(_requested(order)).values()):
        raise Problem("invalid_quantity", f"the lines of one SKU ask for at most {MAX_QUANTITY} units together")
    named = order.discount_minor is not None or order.shipping_minor is not None
    if named and caller.role is not Role.CHANNEL:
        raise Problem("price_not_accepted", "the shop decides discount and shipping charge; leave them out")
    if not order.ship_complete and not order.backorder:
        raise Problem("backorder_required")
    if order.delivery_slot is not None:
        require_length(order.delivery_slot.slot, zone_at(dict(order.ship_to), settings.portal_time_zone))
    _check_terms(order)
    if order.payment is not None and order.payment.method not in known:
        raise Problem("unknown_payment_method", f"payment.method is {' or '.join(known)} here")


def _check_terms(order: PlaceOrder) -> None:
    """An order on payment terms is paid later, and no other order names terms."""
    if order.type != "b2b":
        if order.purchase_order is not None or order.terms_days is not None:
            raise Problem("terms_not_accepted")
        return
    if order.purchase_order is None:
        raise Problem("purchase_order_missing")
    if order.payment is not None:
        raise Problem("payment_not_accepted")


def _requested(order: PlaceOrder) -> list[RequestedLine]:
    return [RequestedLine(line.sku, line.quantity, line.unit_price_minor) for line in order.lines]


def _draft(
    caller: Principal, key: str, digest: bytes, order: PlaceOrder, hold_s: float, settings: Settings, *, full: bool
) -> NewOrder:
    return NewOrder(
        request=request_of(caller, key, digest),
        actor=actor(caller),
        channel=order.channel,
        external_ref=order.external_ref,
        type=order.type,
        currency=order.currency,
        customer_id=order.customer.id,
        profile=order.customer.profile,
        ship_to=order.ship_to.address,
        note=order.note,
        delivery_slot=order.delivery_slot.slot if order.delivery_slot else None,
        slot_days_ahead=settings.delivery_slot_days_ahead,
        backorder=order.backorder,
        ship_complete=order.ship_complete,
        on_terms=OrderTerms(order.purchase_order, order.terms_days) if order.purchase_order else None,
        payment=(order.payment.method, order.payment.token) if order.payment else None,
        lines=_requested(order),
        may_name_price=caller.role is Role.CHANNEL,
        trace=current_traceparent(),
        answer=_answer(order.currency),
        hold_s=hold_s,
        priority=RANKS[order.priority],
        discount_minor=order.discount_minor or 0,
        shipping_minor=order.shipping_minor,
        terms=settings.terms,
        unpaid_units=settings.unpaid_units_per_customer if caller.role is Role.CUSTOMER else 0,
        refused="backlog_full" if full else "",
    )


def _answer(currency: str) -> Callable[[str, int], OrderAnswer]:
    def answer(order_no: str, total_minor: int) -> OrderAnswer:
        return {
            "order_no": order_no,
            "status": Status.RECEIVED,
            "total_minor": total_minor,
            "currency": currency,
            "workflow_id": names.order_workflow(order_no),
        }

    return answer
