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
    LineFound,
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


async def approve(conn: AsyncConnection, here: Return, actor: str, terms: ReturnPolicy) -> Return:
    """Say yes; one that is approved stays so. Raises Conflict `return_closed`."""
    if here.status in NOT_COUNTED:
        raise Conflict("return_closed", f"the return is {here.status}: ask for a new one")
    if here.status is not ReturnStatus.REQUESTED:
        return here
    return await returns.transition(conn, here, ReturnEvent.APPROVED, actor, terms)


async def reject(
    conn: AsyncConnection, here: Return, actor: str, terms: ReturnPolicy, keys: KeyRing, reason: str
) -> Return:
    """Say no, and why: the words are sealed with the customer's key. Raises Conflict `return_decided`."""
    if here.status is not ReturnStatus.REQUESTED:
        raise Conflict("return_decided", f"the return is {here.status}: only one that waits for an answer is rejected")
    if key := await data_key_of(conn, here.order_no):
        sealed = keys.seal_json(key, reason, f"{here.return_id}:answer")
        await conn.execute(_ANSWERED, {"return_id": here.return_id, "answer_enc": sealed})
    return await returns.transition(conn, here, ReturnEvent.REJECTED, actor, terms)


async def cancel(conn: AsyncConnection, here: Return, actor: str, terms: ReturnPolicy) -> Return:
    """The customer keeps it after all. Raises Conflict `return_not_cancellable`."""
    if here.status is ReturnStatus.CANCELLED:
        return here
    if here.status in ARRIVED or here.status in NOT_COUNTED:
        raise Conflict("return_not_cancellable", f"the return is {here.status}: it can no longer be cancelled")
    moved = await returns.transition(conn, here, ReturnEvent.CANCELLED, actor, terms)
    await conn.execute(_NO_LABEL, {"return_id": here.return_id})
    return moved


async def sent(
    conn: AsyncConnection, here: Return, actor: str, terms: ReturnPolicy, carrier: str, number: str
) -> Return:
    """The customer has used another carrier. Raises Conflict `return_closed`."""
    if here.status not in COMING:
        raise Conflict("return_closed", f"the return is {here.status}: nothing of it is to be sent now")
    await conn.execute(_TRACKED, {"return_id": here.return_id, "carrier": carrier, "tracking_no": number})
    if here.status is ReturnStatus.IN_TRANSIT:
        return await returns.find(conn, here.return_id)
    moved = await returns.transition(conn, here, ReturnEvent.IN_TRANSIT, actor, terms, {"by": "customer"})
    await conn.execute(_NO_LABEL, {"return_id": here.return_id})
    return moved


async def receive(
    conn: AsyncConnection, here: Return, actor: str, terms: ReturnPolicy, told: Sequence[Found]
) -> Return:
    """It is in the warehouse; no scan is needed before, and what nobody names did not arrive.

    Raises Conflict `return_already_received`, `return_closed`, `more_than_returned`; RuleBroken `unknown_line`.
    """
    if here.status in ARRIVED:
        raise Conflict("return_already_received", f"the return is {here.status}: it was received before")
    found = findings(await returns.lines_of(conn, here.return_id), told)
    return await take_in(conn, here, actor, terms, found)


async def take_in(
    conn: AsyncConnection, here: Return, actor: str, terms: ReturnPolicy, found: list[LineFound]
) -> Return:
    """Write that it has arrived, as found; goods in hand are an answer to a request, too."""
    if here.status is ReturnStatus.REQUESTED:
        here = await returns.transition(conn, here, ReturnEvent.APPROVED, actor, terms, {"by": "receipt"})
    moved = await returns.transition(conn, here, ReturnEvent.RECEIVED, actor, terms, {"found": _counted(found)})
    await conn.execute(_NO_LABEL, {"return_id": here.return_id})
    await returns.keep_findings(conn, here.return_id, "received", found)
    return moved


async def inspect(conn: AsyncConnection, here: Return, how: SettlementContext, told: Sequence[Found]) -> Return:
    """Say what it is, put it onto its shelves, settle. A line that nobody names is as it was received.

    Raises Conflict `return_not_received`, `return_already_inspected`, `more_than_returned`; RuleBroken `unknown_line`.
    """
    if here.status in (ReturnStatus.INSPECTED, ReturnStatus.COMPLETED):
        raise Conflict("return_already_inspected", f"the return is {here.status}: it was inspected before")
    if here.status is not ReturnStatus.RECEIVED:
        raise Conflict("return_not_received", f"the return is {here.status}: receive it before it is inspected")
    received = await returns.findings_of(conn, here.return_id, "received")
    lines = await returns.lines_of(conn, here.return_id)
    named = lines_named(lines, told)
    as_before = [one for one in received if one.line_no not in named]
    found = findings([line for line in lines if line.line_no in named], told) if named else []
    return await conclude(conn, here, how, merged([*found, *as_before]), checked=True)


async def conclude(
    conn: AsyncConnection, here: Return, how: SettlementContext, found: list[LineFound], *, checked: bool
) -> Return:
    """The end of the inspection: shelves first, then what the customer gets, in one transaction."""
    await returns.keep_findings(conn, here.return_id, "inspected", found)
    await settlement.shelve(conn, here, found, how.actor, checked=checked)
    data = {"found": _counted(found), "checked": checked}
    moved = await returns.transition(conn, here, ReturnEvent.INSPECTED, how.actor, how.terms, data)
    code = await settlement.settle(conn, moved, how)
    if code == NOTHING_DUE:
        await returns.transition(conn, moved, ReturnEvent.COMPLETED, "system", how.terms, {"settled": code})
    return await returns.find(conn, here.return_id)


def _counted(found: Sequence[LineFound]) -> dict[str, int]:
    """Units by condition."""
    return {
        condition.value: units
        for condition in Condition
        if (units := sum(one.quantity for one in found if one.condition is condition))
    }
