"""A first parcel that arrives after all, while another is to be sent, or is under way, instead of it.

The second one is stopped: not booked, or called back by the carrier. If it has left, people are notified; either way
the order is delivered. Each arrival is settled once, under the key of its event.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.status import OrderEvent, Status
from infra.db.orders.state import timeline
from infra.db.stock import reservations

# Given up and delivered all the same, and not settled yet. `o` is the order's row.
ARRIVED = """
    SELECT x.shipment_id FROM shipments x
     WHERE x.order_no = o.order_no AND x.replaced_at IS NOT NULL AND x.status = 'delivered'
       AND NOT EXISTS (SELECT FROM order_events e WHERE e.order_no = x.order_no
                          AND e.key = 'first-arrived:' || x.shipment_id)"""
_FIRST = text(
    f"""SELECT o.status, o.cancelling IS NOT NULL AS cancelling, ({ARRIVED} ORDER BY x.shipment_id LIMIT 1) AS first
          FROM orders o WHERE o.order_no = :order_no"""  # noqa: S608
)


async def settle(conn: AsyncConnection, order_no: str, *, stopped: bool, second: str, window_s: int) -> None:
    """Record the outcome of the second parcel (`second`, empty where none was booked) and deliver the order.

    The caller has locked the order. What an earlier try has settled stays so.
    """
    first = (await conn.execute(_FIRST, {"order_no": order_no})).one()
    if first.first is None or first.cancelling or first.status != Status.SHIPPED:
        return
    if stopped:
        await reservations.release(conn, order_no)
    event_type = "replacement_stopped" if stopped else "replacement_not_stopped"
    data = {"arrived": first.first, "shipment_id": second or None}
    await timeline.append(conn, order_no, event_type, key=f"first-arrived:{first.first}", data=data)
    wait = timeline.waiting("return_window", "the order is completed", window_s)
    await timeline.transition(conn, order_no, Status.SHIPPED, OrderEvent.SHIPMENT_DELIVERED, data={"waiting": wait})
