"""Promised dates that do not hold any more: of fulfilments that have not left, and of orders that wait for stock.

The customer is informed by the event `promise_moved`, once for each new date.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentStatus
from domain.sourcing.backorder_dates import Expected, WaitingOrder, expected_days
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.profile import Rates
from domain.sourcing.promise import arrives_by, next_cut_off
from domain.times import rfc3339
from infra.db.driver_types import DriverRow
from infra.db.orders.state import timeline
from infra.db.shipping import fulfilments
from infra.db.sourcing import profiles
from infra.db.sourcing.network import DEFAULT_CUT_OFF, DEFAULT_ZONE
from infra.db.stock import backorders

_OPEN = """f.status NOT IN ('delivered', 'cancelled') AND f.status IN ('reserved', 'booked', 'picking', 'packed')
           AND f.promised_to < now() AND o.status IN ('paid', 'preparing', 'shipped') AND o.cancelling IS NULL"""
_LATE = text(
    f"""SELECT DISTINCT f.order_no FROM fulfilments f JOIN orders o USING (order_no)
         WHERE {_OPEN} ORDER BY f.order_no LIMIT :limit"""  # noqa: S608
)
_PLACE = """w.code, w.country, w.province, w.city, w.priority, c.cut_off, c.time_zone,
            o.country AS to_country, o.province AS to_province, o.city AS to_city"""
_PARTS = text(
    f"""
    SELECT f.number, f.promised_to, {_PLACE}
      FROM fulfilments f JOIN orders o USING (order_no) JOIN warehouses w ON w.code = f.warehouse
      LEFT JOIN sourcing_warehouses c ON c.warehouse = w.code
     WHERE f.order_no = :order_no AND {_OPEN}
    """  # noqa: S608
)
_PART = text(
    f"""
    SELECT f.number, f.promised_to, {_PLACE}
      FROM fulfilments f JOIN orders o USING (order_no) JOIN warehouses w ON w.code = f.warehouse
      LEFT JOIN sourcing_warehouses c ON c.warehouse = w.code
     WHERE f.order_no = :order_no AND f.number = :number
    """  # noqa: S608
)
_MOVE = text(
    """UPDATE fulfilments SET promised_to = :promised_to, updated_at = now()
        WHERE order_no = :order_no AND number = :number"""
)
# In the order in which they get what arrives; `until` is what the customer was notified of last.
_WAITING = text(
    """
    SELECT w.order_no, w.number, w.wanted, w.until
      FROM (SELECT o.order_no, CAST(NULL AS integer) AS number, o.created_at, o.priority,
                   (SELECT json_object_agg(g.sku, g.units) FROM (
                      SELECT l.sku, sum(l.quantity - l.cancelled_quantity)::bigint AS units FROM order_lines l
                       WHERE l.order_no = o.order_no AND l.quantity > l.cancelled_quantity GROUP BY l.sku) g) AS wanted,
                   (SELECT CAST(e.data ->> 'until' AS timestamptz) FROM order_events e
                     WHERE e.order_no = o.order_no AND e.type = 'promise_moved' ORDER BY e.seq DESC LIMIT 1) AS until
              FROM orders o
             WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND o.cancelling IS NULL
            UNION ALL
            SELECT o.order_no, f.number, o.created_at, o.priority,
                   (SELECT json_object_agg(g.sku, g.units) FROM (
                      SELECT l.sku, sum(n.quantity)::bigint AS units
                        FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
                       WHERE n.order_no = f.order_no AND n.number = f.number GROUP BY l.sku) g),
                   f.promised_to
              FROM fulfilments f JOIN orders o USING (order_no)
             WHERE f.status = 'planned' AND f.kind = 'parcel' AND o.status IN ('paid', 'preparing')
               AND o.cancelling IS NULL) w
     ORDER BY extract(epoch FROM w.created_at) - priority_head_start_s(w.priority), w.order_no LIMIT :limit
    """
)
_THERE = text(
    """SELECT l.sku, sum(l.available)::bigint AS units FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse
        WHERE w.active AND l.sku = ANY(CAST(:skus AS text[])) AND l.available > 0 GROUP BY l.sku"""
)
_ROUTE = text(
    f"""
    SELECT {_PLACE}
      FROM orders o JOIN warehouses w ON w.code = :warehouse LEFT JOIN sourcing_warehouses c ON c.warehouse = w.code
     WHERE o.order_no = :order_no
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class LaterOrder:
    """An order that waits for stock, or its fulfilment `number`, which is expected later than its customer knows:
    `known` is the day of the last notice."""

    order_no: str
    number: int | None
    expected: Expected
    known: datetime | None


async def late_orders(conn: AsyncConnection, limit: int) -> list[str]:
    """Orders with a promised date that has passed before the parcel left."""
    return list((await conn.execute(_LATE, {"limit": limit})).scalars())


async def renew(conn: AsyncConnection, order_no: str, now: datetime) -> None:
    """Promise the fulfilments that are late anew, and say so. The caller has locked the order."""
    rates = (await profiles.active(conn)).rates
    last: datetime | None = None
    numbers: list[int] = []
    for row in (await conn.execute(_PARTS, {"order_no": order_no})).all():
        promised_to = _arrival(row, rates, now)
        await conn.execute(_MOVE, {"order_no": order_no, "number": row.number, "promised_to": promised_to})
        last, numbers = max(last or promised_to, promised_to), [*numbers, row.number]
    if last is not None:
        await timeline.append(conn, order_no, "promise_moved", data={"until": rfc3339(last), "fulfilments": numbers})


async def follow_warehouse(conn: AsyncConnection, order_no: str, number: int, now: datetime) -> None:
    """Promise a fulfilment anew whose warehouse has changed. The customer, who may have planned with the first day, is
    informed of a later one only. The caller has locked the order."""
    row = (await conn.execute(_PART, {"order_no": order_no, "number": number})).one()
    until = _arrival(row, (await profiles.active(conn)).rates, now)
    await conn.execute(_MOVE, {"order_no": order_no, "number": number, "promised_to": until})
    if row.promised_to is not None and until > row.promised_to:
        await timeline.append(conn, order_no, "promise_moved", data={"until": rfc3339(until), "fulfilments": [number]})


async def later_orders(conn: AsyncConnection, limit: int, now: datetime) -> list[LaterOrder]:
    """Those of the first `limit` that wait whose goods are expected later than their customers know, or for the first
    time on a known day."""
    rows = (await conn.execute(_WAITING, {"limit": limit})).all()
    waiting = [WaitingOrder(row.order_no, row.wanted or {}) for row in rows]
    skus = sorted({sku for order in waiting for sku in order.wanted})
    arrivals = await backorders.expected_units(conn, skus) if skus else []
    if not arrivals:
        return []
    there = {row.sku: row.units for row in await conn.execute(_THERE, {"skus": skus})}
    expected = expected_days(waiting, there, arrivals, now.date())
    return [LaterOrder(row.order_no, row.number, expected[row.order_no], row.until) for row in rows
            if row.order_no in expected and _is_news(expected[row.order_no], row.until)]  # fmt: skip


def _is_news(expected: Expected, known: datetime | None) -> bool:
    """A promise is later than the arrival of the goods, so goods that arrive after it are news."""
    return known is None or expected.day >= known.date()


async def announce(conn: AsyncConnection, order: LaterOrder, now: datetime) -> datetime | None:
    """Say when it arrives now; None where it waits no more, or that is no later."""
    status = await timeline.lock_order(conn, order.order_no)
    row = (await conn.execute(_ROUTE, {"order_no": order.order_no, "warehouse": order.expected.warehouse})).one()
    until = _arrival(row, (await profiles.active(conn)).rates, now, order.expected)
    if not await _waits(conn, order, status) or (order.known is not None and until <= order.known):
        return None
    numbers = [] if order.number is None else [order.number]
    for number in numbers:
        await conn.execute(_MOVE, {"order_no": order.order_no, "number": number, "promised_to": until})
    await timeline.append(conn, order.order_no, "promise_moved", data={"until": rfc3339(until), "fulfilments": numbers})
    return until


async def _waits(conn: AsyncConnection, order: LaterOrder, status: Status) -> bool:
    if order.number is None:
        return status is Status.RECEIVED
    parts = await fulfilments.parts_of(conn, order.order_no)
    return any(part.number == order.number and part.status is FulfilmentStatus.PLANNED for part in parts)


def _arrival(row: DriverRow, rates: Rates, now: datetime, expected: Expected | None = None) -> datetime:
    """When it arrives at the latest: with the next cut-off, or with that on the day after its goods are there."""
    ships_by = next_cut_off(now, row.cut_off or DEFAULT_CUT_OFF, row.time_zone or DEFAULT_ZONE)
    if expected is not None:
        ships_by += timedelta(days=max(0, (expected.day - ships_by.date()).days + 1))
    place = Warehouse(row.code, row.country, row.province, row.city, row.priority, ships_by=ships_by)
    return arrives_by(place, Destination(row.to_country, row.to_province, row.to_city), rates) or ships_by
