"""Levels of channels that have changed: read from the movements of stock, so a reservation writes nothing more."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SUBSCRIPTIONS = text(
    """SELECT EXISTS (SELECT FROM webhook_endpoints WHERE stock_channels <> '{}') AS wanted,
              md5(concat((SELECT string_agg(concat(endpoint_id, ' ', stock_channels), ';' ORDER BY endpoint_id)
                            FROM webhook_endpoints WHERE stock_channels <> '{}'), ' ',
                         (SELECT string_agg(concat(w.code, ' ', w.active, ' ', s.buffer, ' ', s.channel_buffers), ';'
                                            ORDER BY w.code)
                            FROM warehouses w LEFT JOIN sourcing_warehouses s ON s.warehouse = w.code))) AS version"""
)
# Levels are calculated by one relay at a time, so that an older number never replaces a newer one.
# A lock that writes nothing: the relay looks every second, and mostly finds nothing new.
_CURSOR = text(
    """SELECT movement_id FROM stock_level_cursor
        WHERE pg_try_advisory_xact_lock(hashtextextended('stock_level_cursor', 0))"""
)
_ADVANCE = text("UPDATE stock_level_cursor SET movement_id = :movement_id WHERE movement_id < :movement_id")
_NEWEST = text("SELECT coalesce(max(movement_id), 0) FROM stock_movements")
# A transaction locks the table before it takes an id from the sequence, and until its rows are visible or gone.
_WRITERS = text(
    """SELECT virtualtransaction FROM pg_locks
        WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'
          AND relation = CAST('stock_movements' AS regclass)
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
)
_MOVED = text(
    """SELECT DISTINCT sku FROM stock_movements
        WHERE movement_id > :after AND movement_id <= CAST(:after AS bigint) + :limit ORDER BY sku"""
)
_NEXT_SKUS = text("SELECT DISTINCT sku FROM stock_levels WHERE sku > :after ORDER BY sku LIMIT :limit")
# Before the rows of deliveries, as in every transaction: so two transactions never deadlock.
_LOCK_ENDPOINTS = text(
    "SELECT 1 FROM webhook_endpoints WHERE stock_channels <> '{}' ORDER BY endpoint_id FOR KEY SHARE"
)
# Only rows that change are written. A level that waits for its first try and is back to what was sent is not sent.
_NOTE = text(
    """WITH wanted AS MATERIALIZED (
         SELECT DISTINCT endpoint_id, unnest(stock_channels) AS channel
           FROM webhook_endpoints WHERE stock_channels <> '{}'),
       levels AS MATERIALIZED (
         SELECT c.channel, l.sku,
                CAST(sum(CASE WHEN w.active THEN greatest(l.available - coalesce(
                           CAST(s.channel_buffers ->> c.channel AS bigint), s.buffer, 0), 0) ELSE 0 END) AS bigint)
                  AS available
           FROM (SELECT DISTINCT channel FROM wanted) c CROSS JOIN stock_levels l
           JOIN warehouses w ON w.code = l.warehouse LEFT JOIN sourcing_warehouses s ON s.warehouse = w.code
          WHERE l.sku = ANY(CAST(:skus AS text[])) GROUP BY c.channel, l.sku),
       noted AS (
         INSERT INTO stock_level_deliveries AS d (endpoint_id, channel, sku, available)
         SELECT t.endpoint_id, n.channel, n.sku, n.available
           FROM levels n JOIN wanted t ON t.channel = n.channel
           LEFT JOIN stock_level_deliveries k
             ON k.endpoint_id = t.endpoint_id AND k.channel = n.channel AND k.sku = n.sku
          WHERE k.sku IS NULL OR k.available <> n.available ORDER BY t.endpoint_id, n.channel, n.sku
         ON CONFLICT (endpoint_id, channel, sku) DO UPDATE
           SET available = excluded.available, sequence = d.sequence + 1, at = now(),
               state = CASE WHEN d.state = 'open' AND d.tries = 0 AND d.sent_available = excluded.available
                            THEN 'done' ELSE 'open' END,
               tries = CASE WHEN d.state = 'open' THEN d.tries ELSE 0 END,
               next_try_at = CASE WHEN d.state = 'open' THEN d.next_try_at ELSE now() END
         RETURNING state)
       SELECT count(*) FROM noted WHERE state = 'open'"""
)


class Subscriptions(NamedTuple):
    """Whether an endpoint wants levels, and what changes when levels may change without a movement: endpoints, buffers
    and which warehouses are active."""

    wanted: bool
    version: str


async def subscriptions(connection: AsyncConnection) -> Subscriptions:
    """Who wants levels, and by which settings they are calculated."""
    row = (await connection.execute(_SUBSCRIPTIONS)).one()
    return Subscriptions(row.wanted, row.version)


async def lock_cursor(connection: AsyncConnection) -> int | None:
    """The movement up to which levels are noted, locked; None while another relay is at it."""
    found: int | None = (await connection.execute(_CURSOR)).scalar()
    return found


async def advance(connection: AsyncConnection, movement_id: int) -> None:
    """Levels are noted up to this movement."""
    await connection.execute(_ADVANCE, {"movement_id": movement_id})


async def newest_movement(connection: AsyncConnection) -> int:
    """The last movement that is visible. Earlier ones may become visible later."""
    return int((await connection.execute(_NEWEST)).scalar_one())


async def writers(connection: AsyncConnection) -> frozenset[str]:
    """Transactions that may have written movements that are not visible yet."""
    return frozenset((await connection.execute(_WRITERS)).scalars())


async def moved(connection: AsyncConnection, after: int, limit: int) -> list[str]:
    """The products of the next `limit` movements."""
    return list((await connection.execute(_MOVED, {"after": after, "limit": limit})).scalars())


async def next_skus(connection: AsyncConnection, after: str, limit: int) -> list[str]:
    """Up to `limit` products with a level anywhere, in order, behind `after`."""
    return list((await connection.execute(_NEXT_SKUS, {"after": after, "limit": limit})).scalars())


async def note(connection: AsyncConnection, skus: Sequence[str]) -> int:
    """Calculate the products' levels in each wanted channel, and note those that are not as noted; how many are to be
    sent. In a channel a product has, of each active warehouse, what is above the buffer for the channel."""
    if not skus:
        return 0
    await connection.execute(_LOCK_ENDPOINTS)
    return int((await connection.execute(_NOTE, {"skus": list(skus)})).scalar_one())
