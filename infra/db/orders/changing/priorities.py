"""How pressing an order is, changed after it was placed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.orders.priority import named
from domain.orders.status import TERMINAL
from infra.db.customers.profiles import KeyRing
from infra.db.orders.changing import staff_actions
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.state import timeline

_CHANGE = text(
    """
    WITH before AS (SELECT priority FROM orders WHERE order_no = :order_no),
    changed AS (UPDATE orders SET priority = :rank WHERE order_no = :order_no AND priority <> :rank)
    SELECT priority FROM before
    """
)
_HURRY = text(
    """UPDATE workflow_requests
          SET rank = extract(epoch FROM created_at) - CASE kind WHEN 'start_order'
                       THEN priority_start_head_start_s(CAST(:rank AS smallint))
                       ELSE priority_head_start_s(CAST(:rank AS smallint)) END
        WHERE subject = :order_no"""
)


async def change(conn: AsyncConnection, keys: KeyRing, action: StaffAction, rank: int) -> None:
    """Change it, say so on the timeline, and let what waits for Temporal overtake. Raises Conflict `order_over`,
    NotFound `order_not_found`."""
    order_no = action.order_no
    status = await timeline.lock_order(conn, order_no)
    if status in TERMINAL:
        raise Conflict("order_over", f"the order is {status}: nothing of it waits any more")
    before = (await conn.execute(_CHANGE, {"order_no": order_no, "rank": rank})).scalar_one()
    if before == rank:
        return
    await conn.execute(_HURRY, {"order_no": order_no, "rank": rank})
    await staff_actions.save(conn, keys, action)
    data = {"before": named(before), "after": named(rank)}
    await timeline.append(conn, order_no, "priority_changed", action.actor, data=data)
