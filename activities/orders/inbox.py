"""Applying facts from outside: whatever order they come in, each counts once and a later one implies the earlier."""

import logging
from typing import Any

from sqlalchemy import text

from activities.payments.provider_events import UNAPPLIED, payment_fact
from domain.errors import RuleBroken
from domain.orders.status import OrderEvent, Status
from domain.payments.transactions import PaymentKind
from domain.shipping.progress import OrderPosition, ProgressWait, progress
from domain.shipping.shipments import ShipmentStatus, is_news
from infra.db.after_sales import return_deadlines
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.engine import Connection
from infra.db.errors import constraint_of, fault_of
from infra.db.orders import holds, timeline
from infra.db.stock import reservations
from infra.settings import Settings

_log = logging.getLogger(__name__)
_OPEN_FACTS = text(
    """SELECT inbox_id, order_no, provider, kind, fact FROM inbox
        WHERE order_no = :order_no AND processed_at IS NULL ORDER BY inbox_id"""
)
_APPLIED = text("UPDATE inbox SET processed_at = now(), outcome = :outcome WHERE inbox_id = :inbox_id")
_UNAPPLIED = text(
    "UPDATE inbox SET processed_at = now(), outcome = 'unapplied', reason = :reason WHERE inbox_id = :inbox_id"
)
# What is checked at the end of a transaction is checked at the end of each fact, too.
_CHECKED_NOW = text("SET CONSTRAINTS ALL IMMEDIATE")
_CHECKED_LATER = text("SET CONSTRAINTS ALL DEFERRED")
_POSITION = text(
    """SELECT o.status, o.cancelling,
              EXISTS (SELECT FROM shipments x WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL) AS earlier
         FROM orders o WHERE o.order_no = :order_no"""
)
# Only where the fact is news: `older` are the states that it carries further.
_PARCEL_MOVES = text(
    """
    WITH moved AS (
      SELECT shipment_id FROM shipments
       WHERE order_no = :order_no AND carrier = :carrier AND status = ANY(CAST(:older AS text[]))
         AND (carrier_ref = :ref OR (carrier_ref IS NULL AND status = 'booking' AND NOT EXISTS (
               SELECT FROM shipments x WHERE x.carrier = :carrier AND x.carrier_ref = :ref)))
       ORDER BY carrier_ref IS NULL LIMIT 1
    )
    UPDATE shipments s SET status = :status, carrier_ref = coalesce(carrier_ref, :ref),
           tracking_no = coalesce(tracking_no, :tracking_no), updated_at = now()
      FROM moved, orders o
     WHERE s.shipment_id = moved.shipment_id AND o.order_no = s.order_no
    RETURNING o.status, o.cancelling, s.shipment_id, s.replaced_at IS NOT NULL AS replaced,
              EXISTS (SELECT FROM shipments x WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL) AS earlier
    """
)


async def apply_inbox(conn: Connection, order_no: str, settings: Settings, *, alone: bool = True) -> None:
    """Apply every open fact of the order, oldest first; of the payments' what leads to the others first.

    Each is marked as it is applied: what had come too early is opened again by the one that it waited for. `alone`
    gives each a savepoint of its own: one that cannot be applied is kept with its reason, the others are applied.
    """
    await timeline.lock_order(conn, order_no)
    facts = (await conn.execute(_OPEN_FACTS, {"order_no": order_no})).all()
    for row in sorted(facts, key=_rank):
        await (_alone(conn, row, settings) if alone else _apply(conn, row, settings))
    if facts:
        await holds.recheck_risk_after_increase(conn, settings, order_no)


async def _alone(conn: Connection, row: Any, settings: Settings) -> None:
    try:
        async with conn.begin_nested():
            await _apply(conn, row, settings)
            await conn.execute(_CHECKED_NOW)
            await conn.execute(_CHECKED_LATER)
    except Exception as error:
        reason = reason_of(error)
        if reason is None:
            raise
        about = {"order_no": row.order_no, "step": "apply_news", "code": reason, "inbox_id": row.inbox_id}
        _log.error("a fact from outside cannot be applied", extra=about)
        await conn.execute(_UNAPPLIED, {"inbox_id": row.inbox_id, "reason": reason})


def reason_of(error: Exception) -> str | None:
    """Why a fact cannot be applied, as a code; None where it was not the fact's fault."""
    if code := fault_of(error):
        return ":".join(filter(None, (code, constraint_of(error))))
    if isinstance(error, RuleBroken):
        return error.code
    return "malformed" if isinstance(error, KeyError | TypeError | ValueError) else None


async def _apply(conn: Connection, row: Any, settings: Settings) -> None:
    if row.kind == "payment":
        again_s = settings.expired_payment_timeout_s
        outcome = await payment_fact(conn, row.order_no, row.provider, row.fact, again_s)
    else:
        outcome = await _parcel_fact(conn, row, settings)
    if outcome in UNAPPLIED:
        await conn.execute(_UNAPPLIED, {"inbox_id": row.inbox_id, "reason": outcome})
    else:
        await conn.execute(_APPLIED, {"inbox_id": row.inbox_id, "outcome": outcome})


def _rank(row: Any) -> tuple[int, int]:
    leads = row.kind == "payment" and row.fact.get("kind") in (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
    return (0 if leads else 1, row.inbox_id)


async def _parcel_fact(conn: Connection, row: Any, settings: Settings) -> str:
    fact = row.fact
    try:
        scan = ShipmentStatus(fact["status"])
    except ValueError:
        return "ignored"
    values = {
        "order_no": row.order_no,
        "carrier": row.provider,
        "older": [status for status in ShipmentStatus if is_news(status, scan)],
        "status": scan,
        "ref": fact["carrier_ref"],
        "tracking_no": fact["tracking_no"],
    }
    moved = (await conn.execute(_PARCEL_MOVES, values)).one_or_none()
    if moved is None:
        policy, parcel = ReturnPolicy.from_settings(settings), (row.provider, fact["carrier_ref"])
        of_return = await return_deadlines.apply_tracking(conn, row.order_no, *parcel, scan, policy)
        return "return" if of_return else "known"
    if moved.replaced:
        # Another parcel is sent instead of this one: its progress does not move the order, but people should know.
        data = {"shipment_id": moved.shipment_id, "status": scan}
        await timeline.append(conn, row.order_no, "replaced_parcel_reported", data=data)
        return "replaced"
    position = OrderPosition(Status(moved.status), moved.cancelling is not None, moved.earlier)
    await parcel_moved(conn, row.order_no, position, scan, settings)
    return "applied"


async def position_of(conn: Connection, order_no: str) -> OrderPosition:
    """Lock the order and read it."""
    status = await timeline.lock_order(conn, order_no)
    order = (await conn.execute(_POSITION, {"order_no": order_no})).one()
    return OrderPosition(status, order.cancelling is not None, order.earlier)


async def parcel_moved(
    conn: Connection, order_no: str, position: OrderPosition, scan: ShipmentStatus, settings: Settings
) -> None:
    """Bring the order, which this transaction has locked, to where its parcel is."""
    status = position.status
    for step in progress(position, scan):
        if step.ships and not await reservations.ship(conn, order_no) and step.if_shipped:
            continue
        data = {"waiting": _waiting(step.wait, settings)} if step.wait else None
        if isinstance(step.event, OrderEvent):
            status = await timeline.transition(conn, order_no, status, step.event, data=data)
        else:
            await timeline.append(conn, order_no, step.event, data=data)


def _waiting(wait: ProgressWait, settings: Settings) -> dict[str, Any]:
    match wait:
        case ProgressWait.DELIVERY:
            return timeline.waiting(wait, "support looks into it", settings.delivery_timeout_s)
        case ProgressWait.RETURN_WINDOW:
            return timeline.waiting(wait, "the order is completed", settings.return_window_s)
