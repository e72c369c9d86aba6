"""Demand by day: what was ordered, whether or not it could be sold. A day is counted once it is over."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_DAYS = 365
# An order of the last moment may be committed a little later.
_GRACE = timedelta(minutes=10)
_NEXT = text(
    """
    SELECT CAST(d AS date) FROM generate_series(
             greatest(CAST(:first AS date),
                      (SELECT CAST(min(created_at) AT TIME ZONE 'UTC' AS date) FROM orders)),
             CAST(:last AS date), interval '1 day') d
     WHERE EXISTS (SELECT FROM orders)
       AND NOT EXISTS (SELECT FROM stock_demand_days c WHERE c.day = CAST(d AS date))
     ORDER BY d DESC LIMIT 1
    """
)
_CLAIM = text("INSERT INTO stock_demand_days (day) VALUES (:day) ON CONFLICT DO NOTHING RETURNING day")
# An order that was cancelled because nothing was there is demand; one that its customer has cancelled or never paid is
# none. What a warehouse has reserved or shipped is its demand, the rest that of the warehouse that would have shipped.
_COUNT = text(
    """
    WITH wanted AS MATERIALIZED (
      SELECT o.order_no, o.country, o.province, o.city, l.sku, sum(l.quantity) AS units
        FROM orders o JOIN order_lines l USING (order_no)
       WHERE o.created_at >= CAST(:day AS date)::timestamp AT TIME ZONE 'UTC'
         AND o.created_at < (CAST(:day AS date) + 1)::timestamp AT TIME ZONE 'UTC'
         AND (o.cancelling IS NULL OR o.cancelling = 'out_of_stock')
       GROUP BY o.order_no, l.sku
    ), served AS MATERIALIZED (
      SELECT a.order_no, a.sku, a.warehouse, a.quantity
        FROM (SELECT DISTINCT order_no FROM wanted) w JOIN reservations a USING (order_no) WHERE a.state <> 'released'
    ), placed AS (
      SELECT sku, warehouse, quantity AS units FROM served
      UNION ALL
      SELECT w.sku, preferred_warehouse(w.sku, w.country, w.province, w.city), w.units - coalesce(s.units, 0)
        FROM wanted w
        LEFT JOIN (SELECT order_no, sku, sum(quantity) AS units FROM served GROUP BY order_no, sku) s
          USING (order_no, sku)
       WHERE w.units > coalesce(s.units, 0)
    )
    INSERT INTO stock_demand (sku, warehouse, day, units)
    SELECT sku, warehouse, :day, sum(units) FROM placed WHERE warehouse IS NOT NULL GROUP BY sku, warehouse
    ON CONFLICT (sku, warehouse, day) DO UPDATE SET units = excluded.units
    """
)
# A stock-out that went on until yesterday goes on today, any other begins.
_STOCK_OUTS = text(
    """
    WITH empty AS MATERIALIZED (
      SELECT l.sku, l.warehouse FROM stock_levels l WHERE l.available = 0
    ), still AS (
      UPDATE stock_outs s SET last_day = :today FROM empty e
       WHERE s.sku = e.sku AND s.warehouse = e.warehouse AND s.last_day = CAST(:today AS date) - 1
      RETURNING s.sku, s.warehouse
    )
    INSERT INTO stock_outs (sku, warehouse, first_day, last_day)
    SELECT e.sku, e.warehouse, :today, :today FROM empty e
     WHERE NOT EXISTS (SELECT FROM still s WHERE s.sku = e.sku AND s.warehouse = e.warehouse)
       AND NOT EXISTS (SELECT FROM stock_outs s WHERE s.sku = e.sku AND s.warehouse = e.warehouse
                          AND s.last_day = :today)
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class DemandDay:
    """A day (UTC) that was counted, and the number of products with demand at a warehouse on it."""

    day: date
    pairs: int


def last_day(now: datetime) -> date:
    """The last day (UTC) that is over."""
    return (now - _GRACE).date() - timedelta(days=1)


async def uncounted(conn: AsyncConnection, now: datetime) -> date | None:
    """The newest day of the last year with orders before or on it that is over and not counted."""
    last = last_day(now)
    question = {"first": last - timedelta(days=KEPT_DAYS - 1), "last": last}
    day: date | None = (await conn.execute(_NEXT, question)).scalar_one_or_none()
    return day


async def count(conn: AsyncConnection, day: date) -> DemandDay | None:
    """Count the day; None where another process has."""
    if (await conn.execute(_CLAIM, {"day": day})).scalar_one_or_none() is None:
        return None
    return DemandDay(day, (await conn.execute(_COUNT, {"day": day})).rowcount)


async def note_stock_outs(conn: AsyncConnection, today: date) -> None:
    """Remember which products cannot be sold at which warehouse today."""
    await conn.execute(_STOCK_OUTS, {"today": today})
