"""What happens to a return automatically: reminders, default outcomes, tracking events of its parcel."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import return_deadlines as rules
from domain.after_sales.return_deadlines import NextDue
from domain.after_sales.returns import Condition, LineFinding, ReturnDue, ReturnEvent, ReturnStatus
from domain.shipping.shipments import ShipmentStatus, has_left
from domain.times import rfc3339
from infra.db.after_sales import return_handling, returns, settlement
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.returns import Return
from infra.db.after_sales.settlement import SettlementContext
from infra.db.orders.state import timeline

_REMINDED = text("UPDATE returns SET reminded_at = now(), updated_at = now() WHERE return_id = :return_id")
_NOW = text("SELECT now()")
# A parcel whose booking has not answered yet has no reference and is found by its order; an old word about the parcel
# that went out is not taken for it.
_OF_PARCEL = text(
    """
    SELECT r.return_id FROM returns r
     WHERE r.order_no = :order_no AND r.carrier = :carrier
       AND (r.carrier_ref = :carrier_ref
            OR (r.carrier_ref IS NULL AND r.label = 'wanted' AND r.label_tries > 0
                AND NOT EXISTS (SELECT FROM shipments s
                                 WHERE s.carrier = :carrier AND s.carrier_ref = :carrier_ref)))
     ORDER BY r.carrier_ref IS NULL, r.return_no LIMIT 1
    """
)
_PARCEL = text(
    """UPDATE returns SET parcel = :parcel, carrier_ref = :carrier_ref, updated_at = now()
        WHERE return_id = :return_id"""
)
_LOST = text(
    """UPDATE returns SET deadline = now(), reminded_at = coalesce(reminded_at, now()), updated_at = now()
        WHERE return_id = :return_id AND status = 'in_transit' AND default_outcome = 'take_as_lost'"""
)
# Whom a reminder is for: the one on whom the return waits.
_REMINDED_ONE = {
    ReturnStatus.APPROVED: "customer",
    ReturnStatus.IN_TRANSIT: "support",
    ReturnStatus.RECEIVED: "warehouse",
}


async def next_due(conn: AsyncConnection, order_return: Return) -> NextDue | None:
    """None if nothing happens automatically."""
    settled = order_return.status is ReturnStatus.INSPECTED and await settlement.is_through(conn, order_return)
    return rules.next_due(order_return, settled=settled)


async def process_due(
    conn: AsyncConnection, order_return: Return, action: ReturnDue, context: SettlementContext
) -> None:
    """Do what is due, if it still is. The caller has locked the order and applied its events: a scan comes first."""
    due = await next_due(conn, order_return)
    if due is None or due.action is not action or due.at > (await conn.execute(_NOW)).scalar_one():
        return
    match action:
        case ReturnDue.REMIND:
            await _remind(conn, order_return)
        case ReturnDue.APPROVE:
            await returns.transition(
                conn, order_return, ReturnEvent.APPROVED, "system", context.terms, {"by": "silence"}
            )
        case ReturnDue.EXPIRE:
            await returns.transition(conn, order_return, ReturnEvent.EXPIRED, "system", context.terms)
        case ReturnDue.TAKE_AS_LOST:
            await _take_as_lost(conn, order_return, context)
        case ReturnDue.INSPECT:
            found = await returns.findings_of(conn, order_return.return_id, "received")
            await return_handling.conclude(conn, order_return, context, found, checked=False)
        case ReturnDue.COMPLETE:
            data = {"settled": order_return.settled}
            await returns.transition(conn, order_return, ReturnEvent.COMPLETED, "system", context.terms, data)


async def _remind(conn: AsyncConnection, order_return: Return) -> None:
    await conn.execute(_REMINDED, {"return_id": order_return.return_id})
    deadline = order_return.deadline
    until = {} if deadline is None else {"until": rfc3339(deadline), "then": order_return.default_outcome}
    data = {**order_return.facts, "to": _REMINDED_ONE[order_return.status], **until}
    await timeline.append(conn, order_return.order_no, "return_reminder", data=data)


async def _take_as_lost(conn: AsyncConnection, order_return: Return, context: SettlementContext) -> None:
    """Our carrier had it and it never came: the customer is not to wait for ever, nor to pay for it."""
    lines = await returns.lines_of(conn, order_return.return_id)
    found = [LineFinding(line.line_no, line.sku, Condition.LOST, line.quantity) for line in lines]
    taken = await return_handling.take_in(conn, order_return, context.actor, context.terms, found)
    await return_handling.conclude(conn, taken, context, found, checked=True)


async def apply_tracking(
    conn: AsyncConnection, order_no: str, carrier: str, carrier_ref: str, reported: ShipmentStatus, terms: ReturnPolicy
) -> bool:
    """The carrier's word about a return's parcel; False when it is none of ours. The caller has locked the order."""
    values = {"order_no": order_no, "carrier": carrier, "carrier_ref": carrier_ref}
    return_id = (await conn.execute(_OF_PARCEL, values)).scalar_one_or_none()
    if return_id is None:
        return False
    order_return = await returns.find(conn, return_id)
    await conn.execute(_PARCEL, {"return_id": return_id, "parcel": reported, "carrier_ref": carrier_ref})
    left = has_left(reported)
    if order_return.status is ReturnStatus.APPROVED and left:
        data = {"parcel": reported}
        await returns.transition(conn, order_return, ReturnEvent.IN_TRANSIT, "system", terms, data, our_parcel=True)
    elif (
        order_return.status is ReturnStatus.IN_TRANSIT
        and reported is ShipmentStatus.DELIVERED
        and order_return.parcel != reported
    ):
        # The customer has read that it is on its way; that it arrived is for those who receive it.
        arrived: dict[str, object] = {**order_return.facts, "parcel": reported, "to": "warehouse"}
        await timeline.append(conn, order_no, "return_in_transit", data=arrived)
    if reported is ShipmentStatus.LOST:
        await conn.execute(_LOST, {"return_id": return_id})
    return True
