"""Events on their way out: unpublished rows become a delivery per subscribed endpoint and a message to the customer."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.notifications import NOTIFICATION_OF_EVENT

# Rows that are there are taken, never `seq > last`: a transaction that commits late is not skipped. One fact is one
# message on one channel, however often it is taken: e-mail where the order's channel named one (or support, when it
# corrected the order's contact), else telephone.
# What an endpoint misses that is switched off is kept like what was given up, to be sent again, and not for ever. One
# that is off stays off until this commits: who switches it on finds all of it. One switched on meanwhile is on.
# An event that says `to` is for that party alone: a return may remind the warehouse.
_FAN_OUT = text(
    """WITH taken AS (
         SELECT order_no, seq FROM outbox ORDER BY order_no, seq LIMIT :limit FOR UPDATE SKIP LOCKED),
       gone AS (
         DELETE FROM outbox o USING taken t WHERE o.order_no = t.order_no AND o.seq = t.seq),
       events AS MATERIALIZED (
         SELECT e.order_no, e.seq, e.type, e.data
           FROM taken t JOIN order_events e ON e.order_no = t.order_no AND e.seq = t.seq),
       off AS MATERIALIZED (
         SELECT endpoint_id, disabled_at FROM webhook_endpoints WHERE NOT active FOR SHARE),
       made AS (
         INSERT INTO webhook_deliveries (endpoint_id, order_no, seq, state, last_error, done_at)
         SELECT w.endpoint_id, e.order_no, e.seq, CASE WHEN off.endpoint_id IS NULL THEN 'open' ELSE 'failed' END,
                CASE WHEN off.endpoint_id IS NOT NULL THEN 'endpoint_disabled' END,
                CASE WHEN off.endpoint_id IS NOT NULL THEN now() END
           FROM webhook_endpoints w LEFT JOIN off ON off.endpoint_id = w.endpoint_id CROSS JOIN events e
          WHERE (off.endpoint_id IS NULL OR off.disabled_at > now() - make_interval(days => :kept_days))
            AND (w.event_types = '{}' OR e.type = ANY(w.event_types))
         ON CONFLICT DO NOTHING
         RETURNING state),
       told AS (
         INSERT INTO messages (message_id, customer_id, order_no, event_seq, fact, channel, template, state, last_error)
         SELECT e.order_no || '.' || e.seq || '.' || way.channel, c.customer_id, e.order_no, e.seq, e.type, way.channel,
                f.template, CASE way.channel WHEN 'none' THEN 'skipped' ELSE 'open' END,
                CASE WHEN c.data_key IS NULL THEN 'erased' WHEN way.channel = 'none' THEN 'no_address' END
           FROM events e
           JOIN unnest(CAST(:facts AS text[]), CAST(:templates AS text[])) f (fact, template) ON f.fact = e.type
           JOIN orders o ON o.order_no = e.order_no
           JOIN customers c ON c.customer_id = o.customer_id
           LEFT JOIN customer_contacts s ON s.customer_id = o.customer_id AND s.channel = o.channel
           LEFT JOIN order_contacts k ON o.contact_corrected AND k.customer_id = o.customer_id
            AND k.contact_id = o.contact_id
          CROSS JOIN LATERAL (
            SELECT CASE WHEN o.contact_corrected THEN k.email_index WHEN s.customer_id IS NULL THEN c.email_index
                        ELSE s.email_index END AS email,
                   CASE WHEN o.contact_corrected THEN k.phone_index WHEN s.customer_id IS NULL THEN c.phone_index
                        ELSE s.phone_index END AS phone) known
          CROSS JOIN LATERAL (
            SELECT CASE WHEN c.data_key IS NULL THEN 'none' WHEN known.email IS NOT NULL THEN 'email'
                        WHEN known.phone IS NOT NULL THEN 'sms' ELSE 'none' END AS channel) way
          WHERE coalesce(e.data ->> 'to', 'customer') = 'customer'
         ON CONFLICT DO NOTHING
         RETURNING state)
       SELECT (SELECT count(*) FROM taken) AS taken, (SELECT count(*) FROM made WHERE state = 'open') AS made,
              (SELECT count(*) FROM told WHERE state = 'open') AS notified"""
)
# How long deliveries that are over are kept.
DELIVERIES_DAYS = 30
_TEMPLATES = {"facts": list(NOTIFICATION_OF_EVENT), "templates": list(NOTIFICATION_OF_EVENT.values())}

_KEYS = text(
    """DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM idempotency_keys WHERE created_at < now() - make_interval(days => :days) LIMIT :limit))"""
)
_DELIVERIES = text(
    """DELETE FROM webhook_deliveries WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM webhook_deliveries
          WHERE state IN ('done', 'failed') AND done_at < now() - make_interval(days => :days) LIMIT :limit))"""
)


class FanOut(NamedTuple):
    """Events taken, deliveries to endpoints that are on and messages to customers made of them."""

    taken: int
    made: int
    notified: int


async def fan_out(connection: AsyncConnection, limit: int) -> FanOut:
    """Take up to `limit` unpublished events. One statement, all or nothing."""
    row = (await connection.execute(_FAN_OUT, {"limit": limit, "kept_days": DELIVERIES_DAYS, **_TEMPLATES})).one()
    return FanOut(row.taken, row.made, row.notified)


async def forget_idempotency_keys(connection: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` keys older than `days`; the number deleted."""
    return (await connection.execute(_KEYS, {"days": days, "limit": limit})).rowcount


async def forget_deliveries(connection: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` deliveries done or given up more than `days` ago; the number deleted."""
    return (await connection.execute(_DELIVERIES, {"days": days, "limit": limit})).rowcount
