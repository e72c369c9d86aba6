"""The figures of the shop's day: each query reads a bounded number of rows, however many orders there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# A day with more orders than this is shown as "more than"; of shipped orders, the newest of each status are measured.
MOST_ORDERS = 100_000
MOST_IN_DAYS = 150_000
MEASURED = 500
LISTED = 10

_WINDOWS = text(
    """
    SELECT w.number, f.currency,
           floor(date_part('epoch', f.created_at - w.begins) / CAST(:step_s AS float))::integer AS slot,
           count(*) AS orders, count(*) FILTER (WHERE f.created_at < w.until) AS orders_until,
           coalesce(sum(f.total_minor) FILTER (WHERE f.status <> 'cancelled'), 0)::bigint AS sales_minor,
           coalesce(sum(f.total_minor) FILTER (WHERE f.status <> 'cancelled' AND f.created_at < w.until), 0)::bigint
             AS sales_until_minor
      FROM unnest(CAST(:begins AS timestamptz[]), CAST(:untils AS timestamptz[]), CAST(:ends AS timestamptz[]))
             WITH ORDINALITY w (begins, until, ends, number)
     CROSS JOIN LATERAL (
       SELECT o.currency, o.created_at, o.status, o.total_minor FROM orders o
        WHERE o.created_at >= w.begins AND o.created_at < w.ends LIMIT :most) f
     GROUP BY w.number, f.currency, slot
    """
)
_DAYS = text(
    """
    SELECT (f.created_at AT TIME ZONE :zone)::date AS day, f.currency, count(*) AS orders,
           coalesce(sum(f.total_minor) FILTER (WHERE f.status <> 'cancelled'), 0)::bigint AS sales_minor
      FROM (SELECT o.currency, o.created_at, o.status, o.total_minor FROM orders o
             WHERE o.created_at >= :begins AND o.created_at < :ends LIMIT :most) f
     GROUP BY day, f.currency ORDER BY day, f.currency
    """
)
# A carrier may report the delivery first: what follows the pick-up implies it.
_SHIPPED = text(
    """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f.took_s) AS median_s,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY f.took_s) AS p90_s, count(f.took_s) AS orders
      FROM (SELECT extract(epoch FROM e.shipped_at - o.created_at)::float AS took_s
              FROM (VALUES ('shipped'), ('delivered'), ('completed')) s (status)
             CROSS JOIN LATERAL (
               SELECT r.order_no, r.created_at FROM orders r
                WHERE r.status = s.status AND r.created_at >= :since
                ORDER BY r.created_at DESC, r.order_no DESC LIMIT :measured) o
             CROSS JOIN LATERAL (
               SELECT min(v.occurred_at) AS shipped_at FROM order_events v
                WHERE v.order_no = o.order_no AND v.to_status IN ('shipped', 'delivered', 'completed')) e) f
    """
)
_SOLD_OUT = text(
    """
    SELECT s.sku, p.name, s.warehouse, s.on_hand, s.reserved, s.safety_stock
      FROM stock_levels s JOIN products p ON p.sku = s.sku AND p.active
      JOIN warehouses w ON w.code = s.warehouse AND w.active
     WHERE s.available = 0 LIMIT :listed + 1
    """
)
_REFUNDS = text(
    """
    SELECT currency, count(*) AS refunds, sum(amount_minor)::bigint AS amount_minor
      FROM (SELECT currency, amount_minor FROM refunds
             WHERE created_at >= :since ORDER BY created_at DESC LIMIT :most) f
     GROUP BY currency ORDER BY currency
    """
)
_WAITING = text(
    """
    SELECT (SELECT count(*) FROM (SELECT FROM refunds WHERE status = 'awaiting_approval' LIMIT 1001) f) AS waiting,
           (SELECT count(*) FROM (SELECT FROM refunds WHERE status = 'approved' LIMIT 1001) f) AS due
    """
)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, cut into slots; `until` is where it is compared with another that is not over."""

    begins: datetime
    until: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """Orders of a window that were placed in one slot, in one currency; sales are those that were not cancelled."""

    window: int
    currency: str
    slot: int
    orders: int
    orders_until: int
    sales_minor: int
    sales_until_minor: int


@dataclass(frozen=True, slots=True)
class Day:
    """Orders that were placed on a day, in one currency; sales are those that were not cancelled."""

    day: date
    currency: str
    orders: int
    sales_minor: int


@dataclass(frozen=True, slots=True)
class ShippingTime:
    """How long it took from placing to shipping, of so many orders."""

    median_s: float
    p90_s: float
    orders: int


@dataclass(frozen=True, slots=True)
class SoldOut:
    """A product on sale of which a warehouse has nothing left but its safety stock."""

    sku: str
    name: str
    warehouse: str
    on_hand: int
    reserved: int
    safety_stock: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """Refunds in one currency."""

    currency: str
    refunds: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class RefundQueue:
    """Refunds that wait for an approval, and approved ones that are being paid; 1,001 stands for any larger number."""

    waiting: int
    due: int


async def windows(conn: AsyncConnection, wanted: Sequence[Window], step_s: float) -> list[Slot]:
    """The slots of these windows that have orders; `window` counts from 0."""
    values = {
        "begins": [one.begins for one in wanted],
        "untils": [one.until for one in wanted],
        "ends": [one.ends for one in wanted],
        "step_s": step_s,
        "most": MOST_ORDERS,
    }
    return [Slot(row.number - 1, *row[1:]) for row in await conn.execute(_WINDOWS, values)]


async def shipping_time(conn: AsyncConnection, since: datetime) -> ShippingTime | None:
    """Of the newest shipped orders since then; None where there are none."""
    row = (await conn.execute(_SHIPPED, {"since": since, "measured": MEASURED})).one()
    return ShippingTime(float(row.median_s), float(row.p90_s), row.orders) if row.orders else None


async def sold_out(conn: AsyncConnection) -> list[SoldOut]:
    """At most LISTED + 1 of them."""
    return [SoldOut(**row._mapping) for row in await conn.execute(_SOLD_OUT, {"listed": LISTED})]


async def refunds_since(conn: AsyncConnection, since: datetime) -> list[Refunded]:
    """By currency."""
    rows = await conn.execute(_REFUNDS, {"since": since, "most": MOST_ORDERS})
    return [Refunded(**row._mapping) for row in rows]


async def refund_queue(conn: AsyncConnection) -> RefundQueue:
    """What waits, and what is under way."""
    return RefundQueue(*(await conn.execute(_WAITING)).one())


async def days(conn: AsyncConnection, begins: datetime, ends: datetime, zone: str) -> list[Day]:
    """Orders by day of `zone` and currency. Of at most MOST_IN_DAYS + 1 orders: their sum tells of more."""
    values = {"begins": begins, "ends": ends, "zone": zone, "most": MOST_IN_DAYS + 1}
    return [Day(**row._mapping) for row in await conn.execute(_DAYS, values)]
