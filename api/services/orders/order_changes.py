"""Changing an order after it was placed: what the HTTP call, the portal and the console's form all do.

It is decided in the database under the order's row lock and answered at once; the workflow receives a signal.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.order_lines import split
from api.schemas.orders.changes import ChangeOrder
from api.schemas.orders.orders import Payment
from api.services.orders.change_consequences import ChangeConsequence, consequence_of
from domain.access import Principal, Role
from domain.errors import Conflict, RuleBroken, amounts_in
from domain.line_references import Named
from domain.orders.addresses import ShippingAddress
from domain.orders.changes import (
    MAX_CHANGES,
    LineChange,
    named_units,
    plan_lines,
    refusal,
    require_payable,
    stock_deltas,
)
from domain.orders.delivery_slots import TimeSlot, require_ahead, require_length
from domain.orders.lines import MAX_QUANTITY
from domain.orders.repricing import plan_unpaid
from domain.orders.status import UNPAID, ChangeKind, OrderEvent, Status
from domain.payments.refunds import Origin
from domain.text import counted
from infra.db.engine import Connection
from infra.db.orders.changing import changes as order_records
from infra.db.orders.changing.changes import ChangeContext, ChangePlan
from infra.db.orders.placing import unpaid_limits
from infra.db.orders.state import holds, timeline
from infra.db.payments import change_payments, refund_plans, refunds
from infra.db.payments.change_payments import PaidBy
from infra.db.payments.refund_plans import NewRefund, NewRefundLine
from infra.provider_rules import amounts
from infra.time_zones import zone_at

ANY = "*"


class NoSlot(Enum):
    """The request to remove the slot."""

    NONE = 0


NO_SLOT = NoSlot.NONE
Refunded = TypeVar("Refunded")


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What a caller wants; None leaves a thing as it is. `note` empty takes the note away, `slot` NO_SLOT the slot.

    `lines` are units by SKU, `named` those of lines, with them the whole new list.
    `seen` are the sequence numbers of the order in If-Match; ANY for any state.
    """

    versions: frozenset[str]
    ship_to: ShippingAddress | None = None
    lines: dict[str, int] | None = None
    note: str | None = None
    payment: Payment | None = None
    slot: TimeSlot | NoSlot | None = None
    named: tuple[Named, ...] = ()


def versions_in(header: str | None) -> frozenset[str]:
    """The sequence numbers that an If-Match header names; a weak or strange tag matches nothing. Raises Problem
    `if_match_missing`."""
    if header is None or not header.strip():
        raise Problem("if_match_missing", "send If-Match with the ETag with which it was read")
    return frozenset(
        tag if tag == ANY else tag[1:-1] if len(tag) > 2 and tag[0] == tag[-1] == '"' else ""
        for tag in (part.strip() for part in header.split(","))
    )


def change_request_of(body: ChangeOrder, versions: frozenset[str], max_lines: int) -> ChangeRequest:
    """The body of the call as a change request. Raises Problem `nothing_to_change`, `too_many_lines`,
    `invalid_quantity`; RuleBroken `invalid_delivery_slot`."""
    named = body.model_fields_set - {"payment"}
    if not named:
        raise Problem("nothing_to_change", "name ship_to, lines, note or delivery_slot")
    for field in named & {"ship_to", "lines"}:
        if getattr(body, field) is None:
            raise Problem("nothing_to_change", f"{field} is left out or given whole, never null")
    wanted: dict[str, int] | None = None
    lines_named: tuple[Named, ...] = ()
    if body.lines is not None:
        if len(body.lines) > max_lines:
            raise Problem("too_many_lines", f"an order has at most {counted(max_lines, 'line')}; place a second one")
        wanted, lines_named = split(body.lines)
        if any(units > MAX_QUANTITY for units in wanted.values()):
            raise Problem("invalid_quantity", f"the lines of one SKU ask for at most {MAX_QUANTITY} units together")
    ship_to = body.ship_to.address if body.ship_to is not None else None
    slot = body.delivery_slot.slot if body.delivery_slot else NO_SLOT if "delivery_slot" in named else None
    return ChangeRequest(versions, ship_to, wanted, (body.note or "") if "note" in named else None, body.payment, slot,
                lines_named)  # fmt: skip


async def preview(services: Services, number: str, request: ChangeRequest) -> ChangeConsequence:
    """The exact consequence; nothing is changed. Raises what `change` raises."""
    async with services.database.begin() as conn:
        return consequence_of(await _plan(conn, services, number, request))


async def change(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: ChangeRequest
) -> Reply:
    """Change the order, all or nothing; the answer carries its new ETag, a repeated one none.

    Raises Problem `order_changed` (412); Conflict `order_closed`, `label_printed`, `parcel_on_its_way`,
    `payment_in_progress`, `change_in_progress`, `stock_short`, `pay_difference_needed`, `too_many_changes`,
    `customer_erased`, `already_refunded`, `exchange_goods_stay`, `unpaid_limit_reached`, `line_booked`,
    `ships_in_parts`; RuleBroken as placing does;
    NotFound `order_not_found`.
    """
    seqs: list[int] = []

    async def work(conn: Connection) -> ChangeConsequence:
        plan = await _plan(conn, services, number, request)
        refund_id = f"rf_{derived_id(caller, key, f'change {number}')}"
        if plan.difference_minor and request.payment is not None:
            answer = await _wait_for_payment(conn, services, caller, plan, request.payment)
        else:
            answer = await _carry_out(conn, services, caller, plan, refund_id) if plan.what else consequence_of(plan)
        if caller.role is Role.CUSTOMER and any(line.delta > 0 for line in plan.lines):
            await unpaid_limits.require_within(conn, number, services.settings.unpaid_units_per_customer)
        seqs.append(await order_records.seq_of(conn, number))
        return answer

    answer = await run_in_transaction(services, request_of(caller, key, digest), 200, work)
    if seqs:
        return answer.at(seqs[-1])
    return answer


async def _plan(conn: Connection, services: Services, number: str, request: ChangeRequest) -> ChangePlan:
    context = await order_records.load_context(conn, services.keys, number)
    if ANY not in request.versions and str(context.seq) not in request.versions:
        raise Problem("order_changed", "the order has moved on since you read it: read it again, then decide")
    ship_to = request.ship_to if request.ship_to is not None and request.ship_to != context.ship_to else None
    note = request.note if request.note is not None and request.note != (context.note or "") else None
    lines = await _planned_lines(conn, services, context, request)
    slot = request.slot if isinstance(request.slot, TimeSlot) else None
    chosen = (
        (ChangeKind.ADDRESS, ship_to is not None),
        (ChangeKind.LINES, bool(lines)),
        (ChangeKind.NOTE, note is not None),
        (ChangeKind.DELIVERY_SLOT, request.slot is not None and slot != context.slot),
    )
    if await change_payments.is_awaited(conn, number):
        raise Conflict("change_in_progress", "a change waits for its payment: its outcome comes first")
    plan = ChangePlan(context, tuple(what for what, named in chosen if named), ship_to, note, lines, slot)
    await _require_possible(conn, services, plan, request)
    return await order_records.divide(conn, plan) if context.parts else plan


async def _planned_lines(
    conn: Connection, services: Services, context: ChangeContext, request: ChangeRequest
) -> tuple[LineChange, ...]:
    if request.lines is None:
        return ()
    skus = {
        *request.lines,
        *(line.sku for line in context.lines if line.line_no in {one.line_no for one in request.named}),
    }
    catalogue = await order_records.catalogue_of(conn, sorted(skus))
    if context.standing.status in UNPAID:
        ever = await order_records.lines_ever(conn, context.order_no)
        rules = await order_records.rules_of(conn, context.order_no, services.settings.terms)
        named = named_units(context.lines, request.named)
        last = context.last_line_no
        return tuple(plan_unpaid(context.lines, ever, request.lines, catalogue, context.currency, last, rules, named))
    tax = context.tax_of(services.settings.terms.tax)
    return tuple(
        plan_lines(context.lines, request.lines, catalogue, context.currency, context.last_line_no, tax, request.named)
    )


async def _require_possible(conn: Connection, services: Services, plan: ChangePlan, request: ChangeRequest) -> None:
    """Raises Conflict, RuleBroken `total_out_of_range`, `invalid_delivery_slot`."""
    requested = (
        (ChangeKind.ADDRESS, request.ship_to),
        (ChangeKind.LINES, request.lines),
        (ChangeKind.NOTE, request.note),
        (ChangeKind.DELIVERY_SLOT, request.slot),
    )
    for what, value in requested:
        if value is not None and (why := refusal(what, plan.context.standing)):
            raise why
    if plan.context.changes >= MAX_CHANGES:
        raise Conflict("too_many_changes", f"an order is changed at most {MAX_CHANGES} times: place a new one")
    if plan.context.data_key is None and (plan.ship_to or plan.note):
        raise Conflict("customer_erased", "the customer's data is erased: nothing personal can be kept any more")
    if plan.slot is not None and ChangeKind.DELIVERY_SLOT in plan.what:
        require_ahead(plan.slot, datetime.now(UTC), services.settings.delivery_slot_days_ahead)
        address = plan.ship_to or plan.context.ship_to
        place = address.as_json() if address else None
        require_length(plan.slot, zone_at(place, services.settings.portal_time_zone))
    with amounts_in(plan.context.currency):
        require_payable(plan.total_after_minor)
    if plan.difference_minor and (request.payment is None or plan.context.warehouse is None):
        raise Conflict(
            "pay_difference_needed",
            "the order is paid and would cost {difference} more: send a `payment` of `method` and `token` with the "
            "change, or place a second order",
            difference_minor=plan.difference_minor,
            currency=plan.context.currency,
        )
    if plan.difference_minor and request.payment is not None:
        amounts.require_payable(request.payment.method, plan.difference_minor, plan.context.currency)
    if plan.difference_minor and plan.context.parts:
        raise Conflict(
            "ships_in_parts",
            "the order ships in several parts and is paid: what costs more is a second order",
        )
    if plan.context.warehouse is None and plan.context.standing.status is not Status.RECEIVED:
        order_records.require_no_more(plan.lines)
    if plan.context.warehouse is not None and not plan.context.parts:
        await order_records.require_stock(conn, plan.context.warehouse, stock_deltas(plan.lines))
    if plan.refund_minor > 0:
        await _refunding(refund_plans.planned(conn, _refund_of(plan, "preview", "")))


def _refund_of(plan: ChangePlan, refund_id: str, requested_by: str) -> NewRefund:
    """The difference: what the units that are taken off were sold for, less what others cost instead."""
    off = tuple(NewRefundLine(-line.delta, line.line_no) for line in plan.lines if line.delta < 0)
    return NewRefund(
        refund_id,
        plan.context.order_no,
        Origin.AMENDMENT,
        requested_by,
        "",
        off,
        plan.refund_minor,
        include_shipping=True,
    )


async def _refunding(pending: Awaitable[Refunded]) -> Refunded:
    try:
        return await pending
    except RuleBroken as error:
        if error.code not in ("amount_invalid", "refund_exceeds_captured"):
            raise
    raise Conflict("already_refunded", "money for these lines went back already: support changes this order")


async def _carry_out(
    conn: Connection, services: Services, caller: Principal, plan: ChangePlan, refund_id: str
) -> ChangeConsequence:
    number, status = plan.context.order_no, plan.context.standing.status
    refunded: str | None = None
    if plan.refund_minor > 0:
        new = _refund_of(plan, refund_id, actor(caller))
        refunded = (await _refunding(refunds.open_refund(conn, None, new))).refund_id
    await order_records.write(conn, services.keys, plan, actor(caller), refunded)
    if status is Status.PENDING_PAYMENT and plan.lines:
        if plan.total_after_minor == 0:
            data = {"waiting": timeline.waiting("carrier", "the carrier is booked")}
            status = await timeline.transition(conn, number, status, OrderEvent.PAYMENT_RECORDED, data=data)
        elif plan.total_after_minor > plan.context.total_minor:
            await holds.place_by_rule(conn, services.settings, number, plan.total_after_minor)
    return replace(consequence_of(plan), status=status.value, refund_id=refunded)


async def _wait_for_payment(
    conn: Connection, services: Services, caller: Principal, plan: ChangePlan, payment: Payment
) -> ChangeConsequence:
    """Keep the change, hold what it needs more; the order's workflow takes the difference."""
    by = PaidBy(payment.method, payment.token, services.settings.payment_timeout_s)
    await change_payments.open_one(conn, services.keys, plan, actor(caller), by)
    return consequence_of(plan)
