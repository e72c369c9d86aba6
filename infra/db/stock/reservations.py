"""Stock that orders hold: reserve, release, ship. Every change is a movement; the database moves the level."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.sourcing.candidates import candidates
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.profile import Rates
from domain.sourcing.promise import arrives_by, next_cut_off
from infra.db.driver_types import DriverRow
from infra.db.sourcing.network import DEFAULT_CUT_OFF, DEFAULT_ZONE, SUPPLIER

# Pieces of a line for which money went back, those that a change took off not counted: they are cancelled.
_REFUNDED = """l.refunded_quantity - coalesce((
               SELECT sum(n.quantity) FROM refunds r JOIN refund_lines n USING (refund_id)
                WHERE r.order_no = l.order_no AND r.origin = 'amendment' AND n.line_no = l.line_no), 0)"""
# What a parcel is to hold: all that is wanted; of a parcel that is sent again, what was not refunded meanwhile.
_GOODS = f"""
      SELECT order_no, sku, sum(quantity)::bigint AS quantity FROM (
        SELECT l.order_no, l.sku, l.quantity - l.cancelled_quantity
                        - CASE WHEN o.status = 'shipped' THEN greatest(0, {_REFUNDED}) ELSE 0 END AS quantity
          FROM order_lines l JOIN orders o USING (order_no) WHERE l.order_no = ANY(CAST(:order_nos AS text[]))) g
       WHERE quantity > 0 GROUP BY order_no, sku"""  # noqa: S608
# What the orders want and who could ship it, in one read without locks: the movement decides.
_WANTED = text(
    f"""
    WITH wanted AS ({_GOODS}
    )
    SELECT o.order_no, o.country, o.province, o.city, o.backorder, o.ship_complete, o.cancelling, o.total_minor,
           o.type = 'exchange' AS exchange, o.type = 'b2b' AS on_terms,
           o.hold IS NOT NULL AND EXISTS (SELECT FROM holds s WHERE s.order_no = o.order_no AND s.closed_at IS NULL
                                             AND o.status = ANY (s.stops)) AS held,
           EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.kind = 'capture'
                      AND p.purpose = 'order' AND p.status = 'succeeded') AS paid,
           EXISTS (SELECT FROM sourcing_activations) AS profiled,
           EXISTS (SELECT FROM order_lines n JOIN products p USING (sku)
                    WHERE n.order_no = o.order_no AND p.kind <> 'physical') AS divided,
           (SELECT s.max_fulfilments FROM channel_settings s WHERE s.channel = o.channel) AS max_fulfilments,
           w.sku, w.quantity,
           h.code, h.kind, h.lead_time_days, h.country AS w_country,
           h.province AS w_province, h.city AS w_city, h.priority, l.available,
           c.cut_off, c.time_zone
      FROM wanted w JOIN orders o USING (order_no)
      LEFT JOIN stock_levels l ON l.sku = w.sku AND l.available >= w.quantity
      LEFT JOIN warehouses h ON h.code = l.warehouse AND h.active
      LEFT JOIN sourcing_warehouses c ON c.warehouse = h.code
    """  # noqa: S608
)
# Rows are inserted in order of SKU, so levels are locked in that order by every order. A parcel that is sent again is
# another round of movements.
_RESERVE = text(
    f"""
    WITH round AS (
      SELECT count(*) + 1 AS n FROM shipments WHERE order_no = :order_no AND replaced_at IS NOT NULL
    ), wanted AS MATERIALIZED ({_GOODS} ORDER BY sku
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, fulfilment_no, quantity, state)
      SELECT :order_no, sku, :warehouse, 1, quantity, 'reserved' FROM wanted
      ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE
        SET quantity = excluded.quantity, state = 'reserved'
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/reserve/' || (SELECT n FROM round) || '/' || sku, 'reserve', sku, :warehouse, quantity, 0,
           quantity, :order_no, 'system'
      FROM wanted ORDER BY sku
    """  # noqa: S608
)
_RELEASE = text(
    """
    WITH round AS (
      SELECT count(*) + 1 AS n FROM shipments WHERE order_no = :order_no AND replaced_at IS NOT NULL
    ), held AS MATERIALIZED (
      SELECT sku, warehouse, fulfilment_no, quantity FROM reservations
       WHERE order_no = :order_no AND state = 'reserved' AND fulfilment_no BETWEEN :first AND :last
       ORDER BY sku, warehouse, fulfilment_no
    ), moved AS (
      UPDATE reservations SET state = :state
       WHERE order_no = :order_no AND state = 'reserved' AND fulfilment_no BETWEEN :first AND :last
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/' || CAST(:kind AS text) || '/' || (SELECT n FROM round) || '/' || sku || '@' || warehouse
             || CASE WHEN fulfilment_no = 1 THEN '' ELSE '/F' || fulfilment_no END,
           :kind, sku, warehouse, quantity,
           CASE CAST(:kind AS text) WHEN 'ship' THEN -quantity ELSE 0 END, -quantity, :order_no, 'system'
      FROM held ORDER BY sku, warehouse, fulfilment_no
    RETURNING quantity
    """
)
_HELD = text(
    """SELECT warehouse FROM reservations
        WHERE order_no = :order_no AND state = 'reserved' AND fulfilment_no = :number LIMIT 1"""
)
# Alone with its SKUs until the end of the transaction: units that are on their way have arrived before, or find the
# order among those that wait (signal_backorders in the database).
_ALONE = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended('arrivals:' || g.sku, 0))
      FROM (SELECT DISTINCT sku FROM order_lines WHERE order_no = :order_no ORDER BY sku) g
    """
)
# Numbers of fulfilments.
ALL_PARTS = (1, 99)


class StockContended(Exception):
    """The units that were there a moment ago are another order's now."""


class StockArrived(Exception):
    """The units that were short a moment ago are there now."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What an order wants, where to, and what could serve it: `available` is {(warehouse, sku): units}.

    `paid` says that a payment came before the stock was reserved, `exchange` that goods are given for others,
    `profiled` that a sourcing profile is in force: see profiled_candidates. `max_fulfilments` is the limit of the
    order's channel, None where it has none of its own. `on_terms`: its customer owes it from then on. `divided`: stock
    does not serve all of its lines (infra.db.stock.supply).
    """

    destination: Destination
    backorder: bool
    cancelling: bool
    held: bool
    total_minor: int
    exchange: bool
    paid: bool
    profiled: bool
    max_fulfilments: int | None
    wanted: Mapping[str, int]
    available: Mapping[tuple[str, str], int]
    warehouses: tuple[Warehouse, ...]
    ship_complete: bool = True
    on_terms: bool = False
    divided: bool = False

    def promised_to(self, code: str, rates: Rates) -> datetime | None:
        """When it arrives from that warehouse at the latest."""
        place = next(place for place in self.warehouses if place.code == code)
        return arrives_by(place, self.destination, rates)

    def candidates(self, *, own: bool = False) -> list[str]:
        """Who can ship all of it, best first by the default profile; with `own` the warehouses alone."""
        among = [place for place in self.warehouses if not (own and place.supplier)]
        return candidates(self.wanted, self.available, among, self.destination)


async def demand_of(conn: AsyncConnection, order_no: str) -> Demand:
    """Read the order's demand and the levels that could serve it. Raises Conflict `nothing_to_send` where all of a
    parcel that is to be sent again was refunded."""
    demand = (await demands_of(conn, [order_no])).get(order_no)
    if demand is None:
        raise Conflict("nothing_to_send", "all of it was refunded: there is nothing to send again")
    return demand


async def demands_of(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, Demand]:
    """The demand of each order that wants something, by its number."""
    rows = defaultdict[str, list[DriverRow]](list)
    for row in await conn.execute(_WANTED, {"order_nos": list(order_nos)}):
        rows[row.order_no].append(row)
    now = datetime.now(UTC)
    return {order_no: _demand(found, now) for order_no, found in rows.items()}


def _demand(rows: Sequence[DriverRow], now: datetime) -> Demand:
    able = [row for row in rows if row.code is not None]
    places = {row.code: _warehouse(row, now) for row in able}
    first = rows[0]
    return Demand(
        destination=Destination(first.country, first.province, first.city),
        backorder=first.backorder,
        cancelling=first.cancelling is not None,
        held=first.held,
        total_minor=first.total_minor,
        exchange=first.exchange,
        paid=first.paid,
        profiled=first.profiled,
        max_fulfilments=first.max_fulfilments,
        wanted={row.sku: row.quantity for row in rows},
        available={(row.code, row.sku): row.available for row in able},
        warehouses=tuple(places.values()),
        ship_complete=first.ship_complete,
        on_terms=first.on_terms,
        divided=first.divided,
    )


def _warehouse(row: DriverRow, now: datetime) -> Warehouse:
    ships_by = next_cut_off(now, row.cut_off or DEFAULT_CUT_OFF, row.time_zone or DEFAULT_ZONE)
    return Warehouse(row.code, row.w_country, row.w_province, row.w_city, row.priority,
                     ships_by=ships_by + timedelta(days=row.lead_time_days), supplier=row.kind == SUPPLIER)  # fmt: skip


async def reserve_at(conn: AsyncConnection, order_no: str, warehouse: str) -> None:
    """Reserve every line at `warehouse`, all or nothing.

    Raises StockGone when another order reserved first, which ends the transaction.
    """
    try:
        await conn.execute(_RESERVE, {"order_no": order_no, "order_nos": [order_no], "warehouse": warehouse})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            raise StockContended from None
        raise


async def await_arrivals(conn: AsyncConnection, order_no: str) -> None:
    """After the shortage was recorded: from here on the order is woken by what arrives. What arrived before can be
    read now."""
    await conn.execute(_ALONE, {"order_no": order_no})


async def release(conn: AsyncConnection, order_no: str, number: int | None = None) -> int:
    """Give back what the order, or one fulfilment of it, holds; answers with the number of units, 0 for nothing."""
    return await _give(conn, order_no, ALL_PARTS if number is None else (number, number), "release", "released")


async def ship(conn: AsyncConnection, order_no: str, number: int | None = None) -> int:
    """Take what the order, or one fulfilment of it, holds out of the warehouse; answers with the number of units."""
    return await _give(conn, order_no, ALL_PARTS if number is None else (number, number), "ship", "shipped")


async def _give(conn: AsyncConnection, order_no: str, parts: tuple[int, int], kind: str, state: str) -> int:
    row = {"order_no": order_no, "first": parts[0], "last": parts[1], "kind": kind, "state": state}
    return sum(found.quantity for found in await conn.execute(_RELEASE, row))


async def warehouse_of(conn: AsyncConnection, order_no: str, number: int = 1) -> str | None:
    """The warehouse that holds the stock of a fulfilment."""
    held = await conn.execute(_HELD, {"order_no": order_no, "number": number})
    warehouse: str | None = held.scalar_one_or_none()
    return warehouse
