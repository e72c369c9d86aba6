"""What people do with a return: approve, reject, cancel, send, receive, inspect. Decided under the order's lock."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import (
    ARRIVED,
    COMING,
    NOT_COUNTED,
    Condition,
    Found,
    LineFinding,
    ReturnEvent,
    ReturnStatus,
    findings,
    lines_named,
    merged,
)
from domain.errors import Conflict
from infra.db.after_sales import returns, settlement
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.returns import Return
from infra.db.after_sales.settlement import NOTHING_DUE, SettlementContext
from infra.db.customers.profiles import KeyRing, data_key_of

_TRACKED = text("UPDATE returns SET carrier = :carrier, tracking_no = :tracking_no WHERE return_id = :return_id")
_ANSWERED = text("UPDATE returns SET answer_enc = :answer_enc WHERE return_id = :return_id")
# A label that we booked and that nobody uses is no longer wanted.
_NO_LABEL = text("UPDATE returns SET label = 'none' WHERE return_id = :return_id AND label IN ('wanted', 'failed')")


async def approve(conn: AsyncConnection, order_return: Return, actor: str, terms: ReturnPolicy) -> Return:
    """Approve it; an approved one stays so. Raises Conflict `return_closed`."""
    if order_return.status in NOT_COUNTED:
        raise Conflict("return_closed", f"the return is {order_return.status}: ask for a new one")
    if order_return.status is not ReturnStatus.REQUESTED:
        return order_return
    return await returns.transition(conn, order_return, ReturnEvent.APPROVED, actor, terms)


async def reject(
    conn: AsyncConnection, order_return: Return, actor: str, terms: ReturnPolicy, keys: KeyRing, reason: str
) -> Return:
    """Reject it; the reason is encrypted with the customer's key. Raises Conflict `return_decided`."""
    if order_return.status is not ReturnStatus.REQUESTED:
        raise Conflict(
            "return_decided", f"the return is {order_return.status}: only one that waits for an answer is rejected"
        )
    if key := await data_key_of(conn, order_return.order_no):
        sealed = keys.seal_json(key, reason, f"{order_return.return_id}:answer")
        await conn.execute(_ANSWERED, {"return_id": order_return.return_id, "answer_enc": sealed})
    return await returns.transition(conn, order_return, ReturnEvent.REJECTED, actor, terms)


async def cancel(conn: AsyncConnection, order_return: Return, actor: str, terms: ReturnPolicy) -> Return:
    """The customer keeps it after all. Raises Conflict `return_not_cancellable`."""
    if order_return.status is ReturnStatus.CANCELLED:
        return order_return
    if order_return.status in ARRIVED or order_return.status in NOT_COUNTED:
        raise Conflict("return_not_cancellable", f"the return is {order_return.status}: it can no longer be cancelled")
    moved = await returns.transition(conn, order_return, ReturnEvent.CANCELLED, actor, terms)
    await conn.execute(_NO_LABEL, {"return_id": order_return.return_id})
    return moved


async def sent(
    conn: AsyncConnection, order_return: Return, actor: str, terms: ReturnPolicy, carrier: str, number: str
) -> Return:
    """The customer has used another carrier. Raises Conflict `return_closed`."""
    if order_return.status not in COMING:
        raise Conflict("return_closed", f"the return is {order_return.status}: nothing of it is to be sent now")
    await conn.execute(_TRACKED, {"return_id": order_return.return_id, "carrier": carrier, "tracking_no": number})
    if order_return.status is ReturnStatus.IN_TRANSIT:
        return await returns.find(conn, order_return.return_id)
    moved = await returns.transition(conn, order_return, ReturnEvent.IN_TRANSIT, actor, terms, {"by": "customer"})
    await conn.execute(_NO_LABEL, {"return_id": order_return.return_id})
    return moved


async def receive(
    conn: AsyncConnection, order_return: Return, actor: str, terms: ReturnPolicy, inspected: Sequence[Found]
) -> Return:
    """It is in the warehouse; no scan is needed before, and what nobody names did not arrive.

    Raises Conflict `return_already_received`, `return_closed`, `more_than_returned`; RuleBroken `unknown_line`.
    """
    if order_return.status in ARRIVED:
        raise Conflict("return_already_received", f"the return is {order_return.status}: it was received before")
    found = findings(await returns.lines_of(conn, order_return.return_id), inspected)
    return await take_in(conn, order_return, actor, terms, found)


async def take_in(
    conn: AsyncConnection, order_return: Return, actor: str, terms: ReturnPolicy, found: list[LineFinding]
) -> Return:
    """Write that it has arrived, as found; goods in hand are an answer to a request, too."""
    if order_return.status is ReturnStatus.REQUESTED:
        order_return = await returns.transition(
            conn, order_return, ReturnEvent.APPROVED, actor, terms, {"by": "receipt"}
        )
    moved = await returns.transition(conn, order_return, ReturnEvent.RECEIVED, actor, terms, {"found": _counted(found)})
    await conn.execute(_NO_LABEL, {"return_id": order_return.return_id})
    await returns.keep_findings(conn, order_return.return_id, "received", found)
    return moved


async def inspect(
    conn: AsyncConnection, order_return: Return, context: SettlementContext, inspected: Sequence[Found]
) -> Return:
    """Record the inspection, return the pieces to stock and settle. A line that is not named is as it was received.

    Raises Conflict `return_not_received`, `return_already_inspected`, `more_than_returned`; RuleBroken `unknown_line`.
    """
    if order_return.status in (ReturnStatus.INSPECTED, ReturnStatus.COMPLETED):
        raise Conflict("return_already_inspected", f"the return is {order_return.status}: it was inspected before")
    if order_return.status is not ReturnStatus.RECEIVED:
        raise Conflict("return_not_received", f"the return is {order_return.status}: receive it before it is inspected")
    received = await returns.findings_of(conn, order_return.return_id, "received")
    lines = await returns.lines_of(conn, order_return.return_id)
    named = lines_named(lines, inspected)
    as_before = [one for one in received if one.line_no not in named]
    found = findings([line for line in lines if line.line_no in named], inspected) if named else []
    return await conclude(conn, order_return, context, merged([*found, *as_before]), checked=True)


async def conclude(
    conn: AsyncConnection, order_return: Return, context: SettlementContext, found: list[LineFinding], *, checked: bool
) -> Return:
    """The end of the inspection: first stock, then the settlement, in one transaction."""
    await returns.keep_findings(conn, order_return.return_id, "inspected", found)
    await settlement.shelve(conn, order_return, found, context, checked=checked)
    data = {"found": _counted(found), "checked": checked}
    moved = await returns.transition(conn, order_return, ReturnEvent.INSPECTED, context.actor, context.terms, data)
    code = await settlement.settle(conn, moved, context)
    if code == NOTHING_DUE:
        await returns.transition(conn, moved, ReturnEvent.COMPLETED, "system", context.terms, {"settled": code})
    return await returns.find(conn, order_return.return_id)


def _counted(found: Sequence[LineFinding]) -> dict[str, int]:
    """Units by condition."""
    return {
        condition.value: units
        for condition in Condition
        if (units := sum(one.quantity for one in found if one.condition is condition))
    }
