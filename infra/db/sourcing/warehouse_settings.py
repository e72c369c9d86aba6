"""Until when a warehouse ships on a day, how much, and what it keeps."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ALL = text(
    """
    SELECT w.code AS warehouse, coalesce(s.cut_off, time '16:00') AS cut_off, coalesce(s.time_zone, 'UTC') AS time_zone,
           s.capacity, coalesce(s.buffer, 0) AS buffer, coalesce(s.channel_buffers, '{}') AS channel_buffers
      FROM warehouses w LEFT JOIN sourcing_warehouses s ON s.warehouse = w.code ORDER BY w.code
    """
)
_SAVE = text(
    """
    INSERT INTO sourcing_warehouses (warehouse, cut_off, time_zone, capacity, buffer, channel_buffers, updated_by)
    SELECT code, :cut_off, :time_zone, :capacity, :buffer, CAST(:channel_buffers AS jsonb), :updated_by
      FROM warehouses WHERE code = :warehouse
    ON CONFLICT (warehouse) DO UPDATE
       SET cut_off = excluded.cut_off, time_zone = excluded.time_zone, capacity = excluded.capacity,
           buffer = excluded.buffer, channel_buffers = excluded.channel_buffers, updated_by = excluded.updated_by,
           updated_at = now()
    RETURNING warehouse
    """
)


@dataclass(frozen=True, slots=True)
class WarehouseSettings:
    """`capacity` is in parcels a day, None without a limit; `buffer` in units of each product that stay there, for the
    orders of some channels another number of them."""

    warehouse: str
    cut_off: time
    time_zone: str
    capacity: int | None
    buffer: int
    channel_buffers: Mapping[str, int] = field(default_factory=dict)


async def every(conn: AsyncConnection) -> list[WarehouseSettings]:
    """Those of all warehouses, by code; the defaults where nobody has set them."""
    return [WarehouseSettings(**row) for row in (await conn.execute(_ALL)).mappings()]


async def save(conn: AsyncConnection, wanted: WarehouseSettings, actor: str) -> bool:
    """Keep them; False where there is no such warehouse. The audit log has it by trigger."""
    buffers = json.dumps(dict(wanted.channel_buffers), ensure_ascii=False)
    values = {**asdict(wanted), "channel_buffers": buffers, "updated_by": actor}
    row = (await conn.execute(_SAVE, values)).one_or_none()
    return row is not None
