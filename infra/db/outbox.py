"""Events on their way to subscribers: unpublished rows become one delivery per subscribed endpoint."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Rows that are there are taken, never `seq > last`: a transaction that commits late is not skipped.
_FAN_OUT = text(
    """WITH taken AS (
         SELECT order_no, seq FROM outbox ORDER BY order_no, seq LIMIT :limit FOR UPDATE SKIP LOCKED),
       gone AS (
         DELETE FROM outbox o USING taken t WHERE o.order_no = t.order_no AND o.seq = t.seq),
       made AS (
         INSERT INTO webhook_deliveries (endpoint_id, order_no, seq)
         SELECT w.endpoint_id, t.order_no, t.seq
           FROM webhook_endpoints w
          CROSS JOIN taken t
           JOIN order_events e ON e.order_no = t.order_no AND e.seq = t.seq
          WHERE w.active AND (w.event_types = '{}' OR e.type = ANY(w.event_types))
         ON CONFLICT DO NOTHING
         RETURNING 1)
       SELECT (SELECT count(*) FROM taken) AS taken, (SELECT count(*) FROM made) AS made"""
)

_KEYS = text(
    """DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM idempotency_keys WHERE created_at < now() - make_interval(days => :days) LIMIT :limit))"""
)
_DELIVERIES = text(
    """DELETE FROM webhook_deliveries WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM webhook_deliveries
          WHERE state = 'done' AND done_at < now() - make_interval(days => :days) LIMIT :limit))"""
)


async def fan_out(connection: AsyncConnection, limit: int) -> tuple[int, int]:
    """Take up to `limit` unpublished events: (events taken, deliveries made). One statement, all or nothing."""
    row = (await connection.execute(_FAN_OUT, {"limit": limit})).one()
    return row.taken, row.made


async def forget_idempotency_keys(connection: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` keys older than `days`; the number deleted."""
    return (await connection.execute(_KEYS, {"days": days, "limit": limit})).rowcount


async def forget_deliveries(connection: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` deliveries done more than `days` ago; the number deleted."""
    return (await connection.execute(_DELIVERIES, {"days": days, "limit": limit})).rowcount
