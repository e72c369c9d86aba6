"""Requesting a return: whether it is possible, what it would bring, and the request itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import settlement
from domain.after_sales.return_window import ReturnWindow, require_open
from domain.after_sales.returns import (
    SHOPS_FAULT,
    LinePieces,
    Reason,
    Resolution,
    ReturnEvent,
    ReturnStatus,
    pieces_of,
    wait_of,
)
from domain.errors import NotFound, RuleBroken
from domain.line_references import Named
from domain.orders.status import Status
from domain.payments.refunds import Origin
from infra.db.after_sales import exchange_funding, exchange_quotes, returns
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.returns import Return
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline
from infra.db.payments import refund_plans
from infra.db.payments.refund_plans import NewRefund, NewRefundLine, Plan
from infra.db.shipping.fulfilments import GIVEN_UP

# The window is as long as it was when the parcel was delivered.
_ORDER = text(
    """
    SELECT o.status, o.currency, d.occurred_at AS delivered_at, d.data -> 'waiting' ->> 'until' AS window_until,
           now() AS now,
           (SELECT w.code FROM warehouses w
             WHERE w.kind = 'warehouse'
             ORDER BY w.active AND w.code = o.warehouse DESC NULLS LAST, w.is_default DESC, w.priority LIMIT 1)
             AS warehouse
      FROM orders o
      LEFT JOIN LATERAL (SELECT e.occurred_at, e.data FROM order_events e
                          WHERE e.order_no = o.order_no AND e.type = 'shipment_delivered'
                          ORDER BY e.seq DESC LIMIT 1) d ON true
     WHERE o.order_no = :order_no
    """
)
_RETURNABLE = text(
    f"""SELECT l.line_no, l.sku,
               greatest(0, l.quantity - l.cancelled_quantity - l.returned_quantity - {GIVEN_UP})::bigint AS quantity
          FROM order_lines l WHERE l.order_no = :order_no ORDER BY l.line_no"""  # noqa: S608
)
_INSERT = text(
    """
    INSERT INTO returns (return_id, order_no, resolution, reason_code, reason_enc, photographs_enc, requested_by,
                         warehouse, deadline, default_outcome)
    VALUES (:return_id, :order_no, :resolution, :reason_code, :reason_enc, :photographs_enc, :requested_by,
            :warehouse, now() + make_interval(secs => :deadline_s), :outcome)
    """
)
_INSERT_LINE = text(
    """INSERT INTO return_lines (return_id, order_no, line_no, sku, quantity)
       VALUES (:return_id, :order_no, :line_no, :sku, :quantity)"""
)


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """A return as asked for: `wanted` are units by SKU, `named` those of lines.

    `reason` and `photographs` (references) are sealed.

    `exchange_for` are units by SKU that are wanted instead, with the resolution exchange; none: the same again. With a
    `guarantee` (method, token) they go out first.
    """

    return_id: str
    order_no: str
    units: Mapping[str, int]
    reason: str
    reason_code: Reason
    resolution: Resolution
    requested_by: str
    photographs: tuple[str, ...] = ()
    exchange_for: Mapping[str, int] = field(default_factory=dict)
    guarantee: tuple[str, str] | None = None
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class ReturnQuote:
    """What a return would bring if all of it comes as new. `plan` None: no money of the order is left to give back.

    Exchanged goods bring `funding_minor` of the orders that took their money, where they are worth
    `funding_worth_minor`.
    """

    pieces: tuple[LinePieces, ...]
    plan: Plan | None
    currency: str
    warehouse: str
    window_until: datetime | None
    approved_at_once: bool
    funding_worth_minor: int = 0
    funding_minor: int = 0

    @property
    def amount_minor(self) -> int:
        return (self.plan.amount_minor if self.plan else 0) + self.funding_minor


async def quote(conn: AsyncConnection, terms: ReturnPolicy, request: ReturnRequest) -> ReturnQuote:
    """Whether it is possible, and what it would bring; changes nothing.

    Raises NotFound `order_not_found`; Conflict `not_delivered`, `return_window_closed`, `return_exceeds_delivered`;
    RuleBroken `unknown_line`.
    """
    row = (await conn.execute(_ORDER, {"order_no": request.order_no})).one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    until = datetime.fromisoformat(row.window_until).astimezone(UTC) if row.window_until else None
    window = ReturnWindow(Status(row.status), row.delivered_at, until)
    require_open(window, row.now)
    pieces = tuple(pieces_of(await returnable(conn, request.order_no), request.units, request.named))
    plan = await expected(conn, request, pieces)
    funding_worth, funding = await _funding(conn, request.order_no, request.return_id, pieces)
    worth = (plan.amount_minor if plan else 0) + funding
    at_once = settlement.is_approved_automatically(worth, terms.auto_approve_minor)
    return ReturnQuote(pieces, plan, row.currency, row.warehouse, window.until, at_once, funding_worth, funding)


async def returnable(conn: AsyncConnection, order_no: str) -> list[LinePieces]:
    """What of the order's lines reached the customer and is not on a return yet."""
    rows = await conn.execute(_RETURNABLE, {"order_no": order_no})
    return [LinePieces(row.line_no, row.sku, row.quantity) for row in rows]


async def open_return(
    conn: AsyncConnection, keys: KeyRing | None, terms: ReturnPolicy, request: ReturnRequest
) -> Return:
    """Save the request, and approve it where the rule allows that. Raises what `quote` raises."""
    await timeline.lock_order(conn, request.order_no)
    quoted = await quote(conn, terms, request)
    sealed = await _sealed(conn, keys, request)
    row = {
        "return_id": request.return_id,
        "order_no": request.order_no,
        "resolution": request.resolution,
    }
    row |= {
        "reason_code": request.reason_code,
        "requested_by": request.requested_by,
        "warehouse": quoted.warehouse,
    }
    wait = wait_of(ReturnStatus.REQUESTED, terms.waits)
    begun = {"deadline_s": wait.deadline_s, "outcome": wait.outcome}
    await conn.execute(_INSERT, {**row, **sealed, **begun})
    lines = [{"line_no": one.line_no, "sku": one.sku, "quantity": one.quantity} for one in quoted.pieces]
    await conn.execute(_INSERT_LINE, [{**row, **line} for line in lines])
    made = await returns.find(conn, request.return_id)
    await exchange_quotes.save(conn, terms, request, quoted)
    units = sum(one.quantity for one in quoted.pieces)
    data = {**made.facts, "resolution": request.resolution, "reason": request.reason_code, "units": units}
    await timeline.append(conn, request.order_no, "return_requested", request.requested_by, data=data)
    if quoted.approved_at_once:
        return await returns.transition(conn, made, ReturnEvent.APPROVED, "system", terms, {"by": "rule"})
    return made


async def expected(conn: AsyncConnection, request: ReturnRequest, pieces: tuple[LinePieces, ...]) -> Plan | None:
    """The refund for these pieces as new; None where nothing is left to give back."""
    left = {line.line_no: line.units_left for line in await refund_plans.lines_of(conn, request.order_no)}
    lines = tuple(NewRefundLine(units.quantity, units.line_no) for units in settlement.as_new(pieces, left))
    if not lines:
        return None
    fault, exchanged = request.reason_code in SHOPS_FAULT, request.resolution is Resolution.EXCHANGE
    refund = NewRefund("", request.order_no, Origin.RETURN, request.requested_by, "", lines)
    try:
        return await refund_plans.planned(conn, replace(refund, include_shipping=fault, exchanged=exchanged))
    except NotFound:
        raise
    except RuleBroken:
        return None


async def expected_of(conn: AsyncConnection, found: Return) -> tuple[int, str]:
    """(minor units, currency) that an open return would bring if all of it were as new."""
    pieces = tuple(await returns.lines_of(conn, found.return_id))
    request = ReturnRequest(
        found.return_id, found.order_no, {}, "", found.reason_code, found.resolution, found.requested_by
    )
    plan = await expected(conn, request, pieces)
    _, funding = await _funding(conn, found.order_no, found.return_id, pieces)
    row = (await conn.execute(_ORDER, {"order_no": found.order_no})).one()
    return (plan.amount_minor if plan else 0) + funding, row.currency


async def _funding(
    conn: AsyncConnection, order_no: str, return_id: str, pieces: tuple[LinePieces, ...]
) -> tuple[int, int]:
    units = {one.line_no: one.quantity for one in pieces}
    return await exchange_funding.quote(conn, order_no, return_id, units)


async def _sealed(conn: AsyncConnection, keys: KeyRing | None, request: ReturnRequest) -> dict[str, bytes | None]:
    """No text is kept for an erased customer's order: nothing could ever decrypt it."""
    key = await data_key_of(conn, request.order_no) if keys is not None else None
    if keys is None or key is None:
        return {"reason_enc": b"", "photographs_enc": None}
    photographs = list(request.photographs)
    return {
        "reason_enc": keys.seal_json(key, request.reason, f"{request.return_id}:reason"),
        "photographs_enc": keys.seal_json(key, photographs, f"{request.return_id}:photographs")
        if photographs
        else None,
    }
