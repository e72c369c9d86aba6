"""Refunding an order: what the HTTP call and the console's form both do.

A refund is decided in one database transaction, and answered whether Temporal is up or not; the order's workflow pays
it.
"""

import re
from dataclasses import asdict, dataclass

from api.authorization import visible_order
from api.dependencies import Services, actor, derived_id
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.payments.refunds import OpenRefund, PiecesOnReturn, RefundConsequence, RefundedLine
from domain.access import Principal, Role
from domain.errors import NotFound, RuleBroken
from domain.payments.refunds import Origin
from domain.pricing.allocation import RefundableLine
from infra.db.approvals.approval_limits import Limits
from infra.db.engine import Connection
from infra.db.payments import refund_plans, refund_queries, refunds
from infra.db.payments.refund_plans import NewRefund, NewRefundLine, Plan
from infra.db.read_models import order_detail
from infra.db.read_models.order_fields import OrderFields

RefundDetail = refund_queries.RefundDetail
REFUNDED_BY = (Role.SUPPORT, Role.FINANCE)
_SUMS = ("amount_minor", "goods_minor", "shipping_minor", "currency", "left_minor")
_LINE = ("line_no", "sku", "quantity", "amount_minor", "shipping_minor")
_REFUND_ID = re.compile(r"^rf_[0-9a-zA-Z_-]{1,61}$")


async def refund(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: OpenRefund
) -> Reply:
    """Open the refund; 201. Raises as `infra.db.payments.refund_plans.planned` does, and RuleBroken
    `currency_mismatch`."""
    requested = _refund_request(services, caller, key, number, request)

    async def work(conn: Connection) -> dict[str, object]:
        opened = await refunds.open_refund(conn, services.keys, requested)
        _require_currency(request, opened.plan)
        sums = {name: getattr(opened.plan, name) for name in _SUMS}
        known = {"refund_id": opened.refund_id, "refund_no": opened.refund_no, "order_no": number}
        return {**known, **sums, "status": opened.status, "approval_id": opened.approval_id}

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def consequence(services: Services, caller: Principal, number: str, request: OpenRefund) -> RefundConsequence:
    """What the refund would give back; changes nothing. Raises as `refund` does."""
    async with services.database.begin() as conn:
        plan = await refund_plans.planned(conn, _refund_request(services, caller, "preview", number, request))
    _require_currency(request, plan)
    return RefundConsequence(
        **{name: getattr(plan, name) for name in _SUMS},
        needs_approval=plan.needs_approval,
        given_minor=plan.given_minor,
        on_returns=[PiecesOnReturn(**asdict(held)) for held in plan.on_returns],
        lines=[RefundedLine(**{name: getattr(line, name) for name in _LINE}) for line in plan.lines],
    )


def _refund_request(services: Services, caller: Principal, key: str, number: str, request: OpenRefund) -> NewRefund:
    if (request.amount_minor is None) == (not request.lines):
        raise RuleBroken("amount_or_lines", "name either amount_minor or lines")
    return NewRefund(
        refund_id=f"rf_{derived_id(caller, key, f'refund {number}')}",
        order_no=number,
        origin=Origin.SUPPORT,
        asked_by=actor(caller),
        reason=request.reason,
        lines=tuple(NewRefundLine(line.quantity, line.line_no, line.sku) for line in request.lines or ()),
        amount_minor=request.amount_minor,
        include_shipping=request.include_shipping,
        spares_returns=not request.despite_returns,
        limits=Limits.from_settings(services.settings),
        approval_lifetime_s=services.settings.approval_lifetime_s,
    )


def _require_currency(request: OpenRefund, plan: Plan) -> None:
    if request.currency not in (None, plan.currency):
        raise RuleBroken("currency_mismatch", f"the order is in {plan.currency}: so are its refunds")


@dataclass(frozen=True, slots=True)
class RefundableOrder:
    """An order, its lines with what is left to refund of each, and its refunds, oldest first."""

    order: OrderFields
    lines: list[RefundableLine]
    refunds: list[RefundDetail]


async def refundable_order(services: Services, number: str) -> RefundableOrder:
    """What staff see before they refund. Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, number)
        if order is None:
            raise NotFound("order_not_found")
        lines = await refund_plans.lines_of(conn, number)
        return RefundableOrder(order, lines, await refund_queries.of_order(conn, services.keys, number))


async def list_refunds(services: Services, number: str) -> list[RefundDetail]:
    """The order's refunds, oldest first."""
    async with services.database.begin() as conn:
        return await refund_queries.of_order(conn, services.keys, number)


async def get_refund(services: Services, caller: Principal, refund_id: str) -> RefundDetail:
    """One refund. Raises NotFound `refund_not_found`, also for one of an order that is not theirs."""
    if not _REFUND_ID.match(refund_id):
        raise NotFound("refund_not_found")
    async with services.database.begin() as conn:
        found = await refund_queries.find(conn, services.keys, refund_id)
    try:
        await visible_order(services, caller, found.order_no)
    except NotFound:
        raise NotFound("refund_not_found") from None
    return found
