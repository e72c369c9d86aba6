"""The warehouses and their units of some products, as sourcing takes them."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields
from domain.sourcing.places import Warehouse
from domain.sourcing.promise import is_same_day, next_cut_off
from domain.sourcing.request import Network
from infra.db.driver_types import DriverRow
from infra.geography import coordinates_of

_NETWORK = text(
    """
    SELECT w.code, w.country, w.province, w.city, w.priority, w.active, w.kind, w.lead_time_days,
           s.cut_off, s.time_zone, s.capacity,
           coalesce(CAST(s.channel_buffers ->> CAST(:channel AS text) AS integer), s.buffer, 0) AS buffer,
           (SELECT coalesce(json_object_agg(l.sku, l.available), '{}') FROM stock_levels l
             WHERE l.warehouse = w.code AND l.sku = ANY(CAST(:skus AS text[])) AND l.available > 0) AS available
      FROM warehouses w LEFT JOIN sourcing_warehouses s ON s.warehouse = w.code
     ORDER BY w.code
    """
)
# Parcels of today, and orders whose goods wait in the warehouse: read only where somebody asks for them.
_LOADS = text(
    """
    SELECT w.code, (SELECT count(DISTINCT a.order_no) FROM reservations a
                     WHERE a.warehouse = w.code AND a.state = 'reserved') AS load,
           (SELECT count(*) FROM shipments p WHERE p.warehouse = w.code AND p.status <> 'cancelled'
               AND p.created_at >= date_trunc('day', CAST(:now AS timestamptz))) AS today
      FROM warehouses w
    """
)
SUPPLIER = "supplier"
DEFAULT_CUT_OFF, DEFAULT_ZONE = time(16, 0), "UTC"


async def of_skus(
    conn: AsyncConnection, skus: Sequence[str], now: datetime, *, channel: str = "", with_loads: bool = False
) -> Network:
    """Every warehouse with its units of the SKUs, and its buffer for the channel. `with_loads`: the profile judges by
    load."""
    rows = await rows_of(conn, skus, channel)
    loads: JsonFields = {}
    if with_loads or any(row.capacity is not None for row in rows):
        loads = {row.code: row for row in await conn.execute(_LOADS, {"now": now})}
    available = {(row.code, sku): units for row in rows for sku, units in row.available.items()}
    return Network(tuple(_warehouse(row, loads.get(row.code), now) for row in rows), available)


async def rows_of(conn: AsyncConnection, skus: Sequence[str], channel: str = "") -> Sequence[DriverRow]:
    """Every warehouse with its settings, and with its units of the SKUs."""
    return (await conn.execute(_NETWORK, {"skus": list(skus), "channel": channel})).all()


def _warehouse(row: DriverRow, load: DriverRow, now: datetime) -> Warehouse:
    cut_off, zone = row.cut_off or DEFAULT_CUT_OFF, row.time_zone or DEFAULT_ZONE
    cut_off_at = next_cut_off(now, cut_off, zone)
    left = max(0, row.capacity - load.today) if row.capacity is not None and load is not None else None
    return Warehouse(
        row.code, row.country.strip(), row.province, row.city, row.priority,
        coordinates=coordinates_of(row.country.strip(), row.province, row.city),
        active=row.active,
        load=load.load if load is not None else 0,
        capacity_left=left,
        open_today=is_same_day(now, cut_off_at, zone) and not row.lead_time_days,
        ships_by=cut_off_at + timedelta(days=row.lead_time_days),
        buffer=row.buffer,
        supplier=row.kind == SUPPLIER,
    )  # fmt: skip
