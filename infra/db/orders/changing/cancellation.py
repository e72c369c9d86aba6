"""The mark that an order is being undone: everything else follows from it."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.orders.state import timeline

SET = text("UPDATE orders SET cancelling = :cause WHERE order_no = :order_no RETURNING 1")
CAUSE = text("SELECT cancelling FROM orders WHERE order_no = :order_no")


async def mark(conn: AsyncConnection, order_no: str, cause: str, actor: str, request_id: str = "") -> None:
    """Record that the order is being undone; safe to repeat, the first cause stays."""
    if await cause_of(conn, order_no) is not None:
        return
    await conn.execute(SET, {"order_no": order_no, "cause": cause})
    wait = timeline.waiting("cancellation", "stock is released and money returned, then the order shows cancelled")
    data = {"cause": cause, "waiting": wait}
    await timeline.append(conn, order_no, "cancel_requested", actor, key=request_key(request_id), data=data)


async def cause_of(conn: AsyncConnection, order_no: str) -> str | None:
    """Why the order is being undone; None where it is not."""
    cause: str | None = (await conn.execute(CAUSE, {"order_no": order_no})).scalar_one()
    return cause


async def unmark(conn: AsyncConnection, order_no: str) -> None:
    """The order is undone, or no longer being undone."""
    await conn.execute(SET, {"order_no": order_no, "cause": None})


def request_key(request_id: str) -> str | None:
    """The key of the event with which the request began to undo the order."""
    return f"cancel:{request_id}" if request_id else None
